"""Where a request comes from, as far as that can be believed (see `app/proxies.py`)."""

from ipaddress import AddressValueError, IPv6Address, IPv6Network

from flask import request

# What one customer of a provider is given: whoever has one IPv6 address has 2^64 of them.
IPV6_PREFIX_BITS = 64


def address_of_client() -> str:
    """The IPv4 address of the client, or the network of its IPv6 address."""
    address = request.remote_addr or "unknown"
    try:
        found = IPv6Address(address.partition("%")[0])
    except AddressValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found), IPV6_PREFIX_BITS), strict=False))
