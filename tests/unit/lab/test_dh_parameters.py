"""The well-known group that the lab's hosts use."""

from __future__ import annotations

import subprocess

from ferryman.lab.dh_parameters import ffdhe2048_pem, ffdhe2048_prime


def test_it_is_the_safe_prime_of_the_standard() -> None:
    prime = ffdhe2048_prime()
    assert hex(prime).startswith("0xffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1d8b9c583ce2d3695")
    assert hex(prime).endswith("ffffffffffffffff")
    assert all(pow(base, number - 1, number) == 1 for number in (prime, (prime - 1) // 2) for base in (2, 3))


def test_it_is_read_by_others() -> None:
    command = ["openssl", "dhparam", "-noout", "-check", "-text"]
    done = subprocess.run(command, input=ffdhe2048_pem(), capture_output=True, check=True)
    assert b"2048 bit" in done.stdout
    assert b"appear to be ok" in done.stdout + done.stderr
