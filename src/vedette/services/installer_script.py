"""The shell script that sets the agent up on a host."""

from __future__ import annotations

import shlex

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into the agent's configuration file."""

    token: str
    agent_id: str
    endpoint: str  # host:port
    authority: str  # the certificate that the endpoint's is checked against, PEM


_END = "VEDETTE-AUTHORITY-END"

_SCRIPT = """\
#!/bin/sh
# Sets up `vedette agent` on this host: writes its configuration, which holds a secret, and has systemd run it.
#   sh installer.sh [--config FILE] [--no-service]
set -eu
umask 077

token=@TOKEN@
agent_id=@AGENT_ID@
endpoint=@ENDPOINT@

fail() {
    printf '%s\\n' "$1" >&2
    exit 1
}

config=
wants_service=yes
while [ "$#" -gt 0 ]; do
    case $1 in
        --config)
            [ "$#" -ge 2 ] || fail 'expected: --config FILE'
            config=$2
            shift 2
            ;;
        --no-service)
            wants_service=no
            shift
            ;;
        *) fail "unknown argument $1: expected --config FILE or --no-service" ;;
    esac
done

is_root=no
if [ "$(id -u)" -eq 0 ]; then
    is_root=yes
fi
if [ -z "$config" ]; then
    if [ "$is_root" = yes ]; then
        config=/etc/vedette/agent.conf
    else
        config=${XDG_CONFIG_HOME:-$HOME/.config}/vedette/agent.conf
    fi
fi
folder=$(dirname -- "$config")
mkdir -p -- "$folder"
folder=$(cd -- "$folder" && pwd)
config=$folder/$(basename -- "$config")
authority=$folder/agent-authority.pem

cat >"$authority.new" <<'@END@'
@AUTHORITY@
@END@
mv -f -- "$authority.new" "$authority"

{
    printf 'monitoring_token %s\\n' "$token"
    printf 'monitoring_id %s\\n' "$agent_id"
    printf 'monitoring_endpoints %s\\n' "$endpoint"
    printf 'certificate_path %s\\n' "$authority"
} >"$config.new"
mv -f -- "$config.new" "$config"
printf 'Wrote %s: agent %s, endpoint %s\\n' "$config" "$agent_id" "$endpoint"

program=$(command -v vedette || true)
if [ -z "$program" ]; then
    printf 'There is no command vedette here. Install it, then run: vedette agent --config %s\\n' "$config"
    exit 0
fi
if [ "$wants_service" = no ] || [ "$is_root" = no ] || [ ! -d /run/systemd/system ]; then
    printf 'Now run: %s agent --config %s\\n' "$program" "$config"
    exit 0
fi
cat >/etc/systemd/system/vedette-agent.service <<UNIT
[Unit]
Description=Vedette monitoring agent
Wants=network-online.target
After=network-online.target

[Service]
ExecStart="$program" agent --config "$config"
Restart=on-failure
NoNewPrivileges=yes

[Install]
WantedBy=multi-user.target
UNIT
chmod 644 /etc/systemd/system/vedette-agent.service
systemctl daemon-reload
systemctl enable vedette-agent.service
systemctl restart vedette-agent.service
printf 'The service vedette-agent runs.\\n'
"""


def script(settings: Settings) -> str:
    """For any POSIX shell. The token is never an argument of a command, so no list of processes shows it."""
    values = {
        "@TOKEN@": shlex.quote(settings.token),
        "@AGENT_ID@": shlex.quote(settings.agent_id),
        "@ENDPOINT@": shlex.quote(settings.endpoint),
        "@AUTHORITY@": settings.authority.strip(),
        "@END@": _END,
    }
    text = _SCRIPT
    for name, value in values.items():
        text = text.replace(name, value)
    return text
