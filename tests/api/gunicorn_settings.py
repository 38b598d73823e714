"""gunicorn as the product runs it, without the product's own start and stop."""

worker_class = "gthread"
threads = 8
keepalive = 5
control_socket_disable = True
loglevel = "warning"
