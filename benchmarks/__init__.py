"""Measurements that anybody can repeat: each prints a table (`make bench`)."""
