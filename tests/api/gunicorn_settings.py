"""gunicorn as the product runs it, without the product's own start and stop."""

worker_class = "scripts.web_worker.PatientWorker"
threads = 8
keepalive = 5
control_socket_disable = True
loglevel = "warning"
sendfile = False
forwarded_allow_ips = ""
