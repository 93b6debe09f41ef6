"""vsftpd, proftpd and pure-ftpd from Debian, configured for speed: no logs, no name look-ups, no delays at login.

They start as root and serve as another user. vsftpd has no password file of its own (it asks PAM, which means /etc):
its one login is the anonymous one, so it checks no password at all.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import argon2

from bench.contender import PASSWORD, Contender
from bench.debian import environment, install
from tests.ports import free_port

USER, UID = "daemon", 1
"""Whom they serve as. Not nobody, who has no home folder, which vsftpd insists on."""


def _folders(home: Path) -> Path:
    """The folders that ftpdock has, too."""
    root = home / "root"
    for name in ("Products", "Export"):
        (root / name).mkdir(parents=True)
        subprocess.run(["chown", f"{UID}:{UID}", str(root / name)], check=True)
    home.chmod(0o755)
    return root


def _hashed(hash: str) -> str:
    """PASSWORD as one line. Cheap: SHA-512 with the fewest rounds that crypt takes."""
    if hash == "argon2id":
        return argon2.PasswordHasher().hash(PASSWORD)
    command = ["openssl", "passwd", "-6", "-salt", "bench", "-stdin"]
    if hash == "cheap":
        command[4] = "rounds=1000$bench"
    done = subprocess.run(command, input=PASSWORD, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def vsftpd(home: Path, pem: Path, hash: str) -> Contender:
    folder, port = install("vsftpd"), free_port()
    root = _folders(home)
    (home / "empty").mkdir()
    (home / "conf").write_text(f"""listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=YES
no_anon_password=YES
local_enable=NO
ftp_username={USER}
nopriv_user={USER}
secure_chroot_dir={home}/empty
anon_root={root}
anon_umask=022
anon_world_readable_only=NO
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
xferlog_enable=NO
max_per_ip=0
max_clients=0
seccomp_sandbox=NO
isolate_network=NO
isolate=NO
ssl_enable=YES
allow_anon_ssl=YES
force_anon_logins_ssl=YES
force_anon_data_ssl=YES
require_ssl_reuse=NO
ssl_ciphers=HIGH
rsa_cert_file={pem}
rsa_private_key_file={pem}
""")
    made = Contender("vsftpd", port, "anonymous", home, pem, "none")
    made.begin([f"{folder}/usr/sbin/vsftpd", f"{home}/conf"], environment(folder))
    return made


def proftpd(home: Path, pem: Path, hash: str) -> Contender:
    folder, port = install("proftpd"), free_port()
    root = _folders(home)
    (home / "passwd").write_text(f"acme:{_hashed('cheap')}:{UID}:{UID}::{root}:/bin/false\n")
    (home / "passwd").chmod(0o600)
    (home / "conf").write_text(f"""ModulePath {folder}/usr/lib/proftpd
LoadModule mod_tls.c
ServerType standalone
DefaultAddress 127.0.0.1
UseIPv6 off
Port {port}
User {USER}
Group {USER}
MaxInstances 500
AuthOrder mod_auth_file.c
AuthUserFile {home}/passwd
RequireValidShell off
UseReverseDNS off
DelayEngine off
WtmpLog off
TransferLog none
SystemLog none
PidFile {home}/pid
ScoreboardFile {home}/scoreboard
AllowOverwrite on
DefaultRoot ~
TLSEngine on
TLSProtocol TLSv1.2
TLSRequired on
TLSOptions NoSessionReuseRequired
TLSRenegotiate none
TLSECCertificateFile {pem}
TLSECCertificateKeyFile {pem}
""")
    made = Contender("proftpd", port, "acme", home, pem, "cheap")
    made.begin([f"{folder}/usr/sbin/proftpd", "-n", "-q", "-c", f"{home}/conf"], environment(folder))
    return made


def pure_ftpd(home: Path, pem: Path, hash: str) -> Contender:
    folder, port = install("pure-ftpd"), free_port()
    root = _folders(home)
    (home / "passwd").write_text(f"acme:{_hashed(hash)}:{UID}:{UID}::{root}/./::::::::::::\n")
    subprocess.run([f"{folder}/usr/bin/pure-pw", "mkdb", f"{home}/db", "-f", f"{home}/passwd"],
                   env=environment(folder), check=True)  # fmt: skip
    made = Contender("pure-ftpd", port, "acme", home, pem, hash)
    command = [f"{folder}/usr/sbin/pure-ftpd", "-S", f"127.0.0.1,{port}", "-l", f"puredb:{home}/db", "-u", "1", "-A",
               "-E", "-H", "-c", "500", "-C", "500", "-I", "60", "-Y", "3", "-2", str(pem), "-g", f"{home}/pid",
               "-f", "none"]  # fmt: skip
    made.begin(command, environment(folder))
    return made


RIVALS: tuple[Callable[[Path, Path, str], Contender], ...] = (vsftpd, proftpd, pure_ftpd)
