"""`credentials.json`: the first account, and where to reach this server."""

from __future__ import annotations

from vedette.adapters.local.clock import now_ms
from vedette.adapters.local.data_directory import Credentials
from vedette.adapters.local.entropy import entropy
from vedette.app.base import Base
from vedette.domain.ids import TenantId
from vedette.services.accounts import Login
from vedette.services.first_start import FIRST_ROLES, FirstStart


async def save_first_account(base: Base, api_url: str, agent_endpoint: str) -> Credentials | None:
    """Makes the first account, or brings the addresses in `credentials.json` up to date.

    None when nobody can log in with what is in the file: then it is left alone.
    """
    found = base.directory.read_credentials()

    def credentials(login: Login) -> Credentials:
        return Credentials(
            identity_url=f"{api_url}/v2.0",
            monitoring_url=f"{api_url}/v1.0/{login.tenant_id}",
            username=login.username,
            api_key=login.api_key,
            tenant_id=login.tenant_id,
            agent_endpoint=agent_endpoint,
            ca_file=str(base.authority.ca_file.absolute()),
        )

    def save(login: Login) -> None:
        base.directory.write_credentials(credentials(login))

    opened = base.stores
    first = FirstStart(opened.accounts, opened.commit, base.keys, clock=now_ms, entropy=entropy)
    login = await first.run(None if found is None else _login(found), save)
    if login is None:
        return None
    if found != credentials(login):
        save(login)
    return credentials(login)


def _login(found: Credentials) -> Login:
    return Login(username=found.username, api_key=found.api_key, tenant_id=TenantId(found.tenant_id), roles=FIRST_ROLES)
