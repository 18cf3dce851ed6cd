"""What the layered set-up (deploy/zones) is tried with: network namespaces, firewall rules, systemd's verdict."""

from __future__ import annotations

from pathlib import Path

IP = Path("/usr/sbin/ip")
NFT = Path("/usr/sbin/nft")
SYSTEMD_ANALYZE = Path("/usr/bin/systemd-analyze")
PACKAGES = ("iproute2", "nftables", "systemd")
