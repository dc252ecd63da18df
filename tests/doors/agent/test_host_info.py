"""How host info is read out of files and programs, from texts as hosts have them."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from vedette.agent.host_info import accounts, known_types, look, network, packages, programs, tables, updates


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a file of this text in place of the one that a module reads."""

    def put(module: Any, name: str, text: str) -> Path:
        file = tmp_path / name.lower()
        file.write_text(text)
        monkeypatch.setattr(module, name, file)
        return file

    return put


def test_fstab_has_the_protocol_s_members_and_no_password(put: Any) -> None:
    put(
        tables,
        "_FSTAB",
        "# comment\n\nUUID=1 / ext4 errors=remount-ro 0 1\n//nas/x /x cifs user=a,password=hunter2 0 0\n",
    )
    assert tables.fstab() == [
        {"file_system": "UUID=1", "mount_point": "/", "type": "ext4", "options": "errors=remount-ro", "pass": "0"},
        {"file_system": "//nas/x", "mount_point": "/x", "type": "cifs", "options": "user=a", "pass": "0"},
    ]


def test_login_definitions_are_words_and_values(put: Any) -> None:
    put(tables, "_LOGIN", "# PASS\nPASS_MAX_DAYS\t99999\nENV_PATH PATH=/bin:/usr/bin\nLONELY\n")
    assert tables.login() == {"PASS_MAX_DAYS": "99999", "ENV_PATH": "PATH=/bin:/usr/bin"}


def test_pam_rules_keep_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = "auth required pam_mysql.so user=root passwd=hunter2 BindPW=hunter2 secret=hunter2\n"
    (tmp_path / "sshd").write_text(rule)
    monkeypatch.setattr(tables, "_PAM", tmp_path)
    (found,) = tables.pam()
    assert found["module_arguments"] == "user=root"


def test_fstab_has_no_password_of_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "fstab"
    file.write_text("curlftpfs#me:hunter2@ftp.example.com /mnt fuse rw 0 0\nnas:/export/a@b /srv nfs rw,pass=x 0 0\n")
    monkeypatch.setattr(tables, "_FSTAB", file)
    assert [one["file_system"] for one in tables.fstab()] == ["curlftpfs#me@ftp.example.com", "nas:/export/a@b"]


def test_pam_rules_keep_their_flags_and_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sshd").write_text(
        "auth\t[success=1 default=ignore]\tpam_unix.so nullok\n@include common-auth\nsession required pam_env.so\n"
    )
    monkeypatch.setattr(tables, "_PAM", tmp_path)
    assert [tuple(rule.values()) for rule in tables.pam()] == [
        ("sshd", "auth", "success=1 default=ignore", "pam_unix.so", "nullok"),
        ("sshd", "session", "required", "pam_env.so", ""),
    ]


def test_states_of_passwords_are_told_and_no_hash(put: Any) -> None:
    put(accounts, "_SHADOW", "root:$6$salt$hash:20228:0:99999:7:::\nbin:*:1:0:9:7::: \nnew::1:0:9:7:30::\n!broken\n")
    found = accounts.passwd()
    assert [(one["name"], one["status"]) for one in found] == [("root", "P"), ("bin", "L"), ("new", "NP")]
    assert (found[0]["last_changed"], found[2]["inactivity_period"]) == ("20228", "30")
    assert "hash" not in str(found)


def test_installed_packages_are_listed_and_removed_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        "Package: adduser\nStatus: install ok installed\nVersion: 3.134\nDescription: add\n and: more\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n"
    )
    (tmp_path / "status").write_text(text)
    monkeypatch.setattr(packages, "DPKG_STATUS", str(tmp_path / "status"))
    assert packages.packages() == [{"name": "adduser", "version": "3.134"}]


def test_without_debian_s_list_rpm_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "DPKG_STATUS", "/nowhere")
    monkeypatch.setattr(packages, "printed", lambda *_words: "bash\t5.1-1.el9\nzlib\t1.2-3.el9\n")
    assert packages.packages() == [{"name": "bash", "version": "5.1-1.el9"}, {"name": "zlib", "version": "1.2-3.el9"}]


def test_routes_are_told_as_netstat_prints_them(put: Any) -> None:
    head = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
    net, mask = (f"{int.from_bytes(bytes(one), sys.byteorder):08X}" for one in ((192, 0, 2, 0), (255, 255, 255, 0)))
    words = ["eth0", net, "00000000", "0001", "0", "0", "0", mask, "0", "0", "0"]
    put(network, "_ROUTES4", head + "\t".join(words) + "\n")
    assert network.ip4routes() == [
        {"destination": "192.0.2.0", "gateway": "0.0.0.0", "genmask": "255.255.255.0", "flags": "U", "mss": "0",  # noqa: S104
         "window": "0", "irtt": "0", "iface": "eth0"}
    ]  # fmt: skip
    put(network, "_ROUTES6", f"20010db8{'0' * 24} 20 {'0' * 32} 00 fe80{'0' * 27}1 00000400 1 0 00000003 eth0\n")
    [route] = network.ip6routes()
    assert (route["destination"], route["next_hop"], route["flag"]) == ("2001:db8::/32", "fe80::1", "UG")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('APT::Periodic::Unattended-Upgrade "1";\n', {"update_method": "unattended_upgrades", "status": "enabled"}),
        ('APT::Periodic::Unattended-Upgrade "0";\n', [{"update_method": "unattended_upgrades", "status": "disabled"}]),
        ('// APT::Periodic::Unattended-Upgrade "1";', [{"update_method": "unattended_upgrades", "status": "disabled"}]),
    ],
)  # fmt: skip
def test_automatic_updates_are_on_or_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: object
) -> None:
    (tmp_path / "20auto-upgrades").write_text(text)
    monkeypatch.setattr(updates, "_APT", tmp_path)
    assert updates.autoupdates() == expected


def test_a_library_that_was_replaced_is_told_with_who_uses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "_PROC", tmp_path)
    assert updates.deleted_libraries() == "No services using deleted libraries found"
    (tmp_path / "7").mkdir()
    (tmp_path / "7/comm").write_text("nginx\n")
    (tmp_path / "7/maps").write_text(
        "7f00-7f01 r-xp 0 fe:00 9   /usr/lib/libssl.so.3 (deleted)\n7f00-7f01 rw-s 0 0:1 9 /dev/shm/x (deleted)\n"
    )
    assert updates.deleted_libraries() == [{"used_by_process": "nginx", "deleted_lib_name": "/usr/lib/libssl.so.3"}]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a program on the path."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, script: str) -> None:
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    return put


def test_what_a_program_prints_is_read_and_its_type_is_there(program: Any) -> None:
    program("iptables", "printf '%s\\n' '-P INPUT ACCEPT' '-A INPUT -i lo -j ACCEPT' 'noise'")
    program("sshd", "printf 'port 22\\npermitrootlogin no\\n'")
    program("lshw", 'echo \'{"id": "host"}\'')
    assert {"IPTABLES", "SSHD", "LSHW"} <= set(known_types())
    assert look("IPTABLES") == [
        {"type": "-P", "chain": "INPUT", "policy": "ACCEPT"},
        {"type": "-A", "chain": "INPUT", "policy": "-i lo -j ACCEPT"},
    ]
    assert look("SSHD") == {"port": "22", "permitrootlogin": "no"}
    assert look("LSHW") == {"info": {"id": "host"}}


def test_a_program_that_fails_or_hangs_says_why(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    program("ip6tables", "echo 'you must be root' >&2; exit 4")
    with pytest.raises(OSError, match="ip6tables failed: you must be root"):
        look("IP6TABLES")
    program("sshd", "exec sleep 60")
    monkeypatch.setattr(programs, "_LIMIT_S", 0.2)
    with pytest.raises(OSError, match=r"sshd did not finish in 0\.2 s"):
        look("SSHD")
