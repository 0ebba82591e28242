"""Connections to addresses that users name: never into the network that the service stands in.

The name is looked up once, every address that it has is checked, and the connection is made to an
address that was checked: a name that leads elsewhere at a second look gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore2

_NAT64: Final = ip_network("64:ff9b::/96")
_LOOK_UP_SECONDS: Final = 5.0
_LONGEST_URL: Final = 2000


class AddressRefusedError(Exception):
    """The address leads into a private network, or is not one that can be sent to; in Chinese."""


def check_url(url: str, allowed: Collection[str]) -> None:
    """Refuse a URL that nothing may be sent to; the name is not looked up.

    `allowed` are hosts that the operator trusts: for them HTTP and private addresses will do.

    Raises:
        AddressRefusedError: it is refused; the message says why.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise AddressRefusedError("地址写得不对。请写成 https://主机/路径。") from None
    is_plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= _LONGEST_URL
    if not host or not is_plain or parts.fragment or "@" in parts.netloc:
        raise AddressRefusedError(
            "地址写得不对。请写成 https://主机/路径：不带用户名和 #，中文要转码，最长 2000 个字符。"
        )
    if host in allowed:
        if parts.scheme not in ("http", "https"):
            raise AddressRefusedError("地址要以 https:// 或 http:// 开头。")
        return
    if parts.scheme != "https":
        raise AddressRefusedError(
            "地址要以 https:// 开头。确需用 http 的主机，请管理员写进 HECHA_WEBHOOK_HOSTS。"
        )
    literal = _literal(host)
    if literal is not None and not is_public(literal):
        raise AddressRefusedError(_PRIVATE)


_PRIVATE: Final = (
    "这个主机在内部网络里，不能向它发送。确需发送的，请管理员把主机名写进 HECHA_WEBHOOK_HOSTS。"
)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is one of the public internet, also inside another address.

    Private, loopback, link-local, shared, multicast and reserved ones are not.
    """
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        if inner:
            return all(is_public(each) for each in inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses to which an IPv6 address leads."""
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return list(address.teredo)
    if address in _NAT64 or int(address) >> 32 == 0:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return []


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


async def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a host.

    Raises:
        OSError: it has none, or the name server does not answer.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


async def checked_addresses(host: str, port: int, allowed: Collection[str]) -> list[str]:
    """Return the addresses of a host, after a check of each.

    Raises:
        AddressRefusedError: one of them is not public, and the host is not `allowed`; or the host
            is not known.
    """
    try:
        async with asyncio.timeout(_LOOK_UP_SECONDS):
            found = await look_up(host, port)
    except (OSError, TimeoutError, UnicodeError):
        raise AddressRefusedError("找不到这个主机：域名没有登记，或域名服务没有应答。") from None
    if not found:
        raise AddressRefusedError("找不到这个主机：域名没有登记，或域名服务没有应答。")
    if host.lower() not in allowed:
        literals = [_literal(each) for each in found]
        if not all(each is not None and is_public(each) for each in literals):
            raise AddressRefusedError(_PRIVATE)
    return found


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to hosts at addresses that were checked, trying one after the other."""

    def __init__(self, allowed: Collection[str]) -> None:
        """Trust the hosts `allowed` whatever their addresses."""
        self._allowed = allowed
        self._real = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature of the library
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to an address of the host."""
        error: Exception | None = None
        for address in await checked_addresses(host, port, self._allowed):
            try:
                return await self._real.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as exc:
                error = exc
        raise error or httpcore2.ConnectError
