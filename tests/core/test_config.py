from dataclasses import fields
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from vedette.adapters.local.certificates import Authority
from vedette.config import SETTINGS, STORE_SETTINGS, Canary, Config, ConfigError, HostPort, load

BAD_TEXTS = [
    ("http", "8080", "HOST:PORT"),
    ("http", "127.0.0.1:65536", "HOST:PORT"),
    ("http", "::1:80", "HOST:PORT"),
    ("agent", "user@host:1", "HOST:PORT"),
    ("roles", "api,cook", "one of api, agent_endpoint"),
    ("public_url", "ftp://example.com", "http(s)://HOST"),
    ("public_url", "https://example.com/monitoring", "without path"),
    ("public_url", "https://user:word@example.com", "without path, query or user"),
    ("public_url", "https://example.com:99999", "http(s)://HOST"),
    ("trusted_proxy", "10.0.0.1/8", "without host bits"),
    ("allow_network", "everywhere", "CIDR"),
    ("confirm_after", "5s", "seconds from 0 to 60"),
    ("confirm_after", "61", "seconds from 0 to 60"),
    ("confirm_after", "-1", "seconds from 0 to 60"),
    ("canary", "http://example.com", "HOST or HOST:PORT"),
    ("canary", "example.com:0", "HOST or HOST:PORT"),
    ("tls", "yes", "`self`"),
    ("agent_names", "no spaces", "a host name"),
    ("database", "mysql://localhost/x", "postgresql://"),
    ("metrics_url", "127.0.0.1:8428", "http(s)://HOST[:PORT][/PATH]"),
    ("metrics_url", "http://user:sesame@127.0.0.1:8428", "without user, password and query"),
    ("metrics_write_url", "http://store.example/api?token=sesame", "without user, password and query"),
    ("remote_write", "http://:99/", "http(s)://HOST"),
    ("spool_size", "0M", "512M or 4G"),
    ("log_format", "xml", "auto, human, json"),
    ("log_level", "INFO", "debug, info"),
]


def write(folder: Path, text: str) -> Path:
    file = folder / "vedette.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(
    flags: dict[str, object] | None = None, file: Path | None = None, environment: dict[str, str] | None = None
) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(flags or {}, config_file=file, environment=environment or {})
    return caught.value


def test_without_anything_the_defaults_hold() -> None:
    config = load({}, environment={})

    assert config == Config()
    assert config.data_dir == Path("var")
    assert config.http == HostPort("127.0.0.1", 8080)
    assert config.agent == HostPort("127.0.0.1", 50041)
    assert [(zone.id, zone.country_code) for zone in config.zones] == [
        ("mzdfw", "US"),
        ("mzlon", "GB"),
        ("mzord", "US"),
    ]


def test_every_field_is_declared_with_a_default_and_a_meaning() -> None:
    assert [setting.key for setting in SETTINGS] == [field.name for field in fields(Config)]
    assert all(setting.help.endswith(".") for setting in SETTINGS)
    assert all(getattr(Config(), setting.key) == setting.default for setting in SETTINGS)
    assert {setting.key for setting in SETTINGS} >= STORE_SETTINGS


def test_a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default(tmp_path: Path) -> None:
    file = write(tmp_path, 'http = "127.0.0.1:1"\nagent = "127.0.0.1:2"\nlog_level = "error"\n')
    environment = {"VEDETTE_HTTP": "127.0.0.1:3", "VEDETTE_AGENT": "127.0.0.1:4"}

    config = load({"http": "127.0.0.1:5", "agent": None}, config_file=file, environment=environment)

    assert (config.http.port, config.agent.port, config.log_level, config.log_format) == (5, 4, "error", "auto")


def test_a_fault_must_last_five_seconds_unless_it_is_set_otherwise() -> None:
    assert Config().confirm_after_ms == 5000
    assert load({}, environment={"VEDETTE_CONFIRM_AFTER": "0"}).confirm_after_ms == 0
    assert load({"confirm_after": "0.25"}, environment={"VEDETTE_CONFIRM_AFTER": "0"}).confirm_after_ms == 250


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    file = write(tmp_path, 'public_url = "https://a.example"\n')

    assert load({}, config_file=file, environment={"VEDETTE_PUBLIC_URL": ""}).public_url == "https://a.example"


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "insecure_http = true\n")

    assert load({}, environment={"VEDETTE_CONFIG": str(file)}).insecure_http


def test_every_setting_can_stand_in_a_file(tmp_path: Path) -> None:
    pair = Authority(tmp_path, datetime.now(UTC)).certificate("pair", [])
    text = """
        data_dir = "data"
        http = "[::]:443"
        agent = "agents.example:50041"
        roles = ["api", "collector", "api"]
        public_url = "https://monitoring.example/"
        trusted_proxy = ["10.0.0.0/8"]
        tls_cert = "pair.pem"
        tls_key = "pair.pem"
        metrics = "127.0.0.1:9090"
        canary = ["192.0.2.1", "2001:db8::1", "www.example:443"]
        allow_network = ["127.0.0.0/8", "::1/128"]
        agent_names = ["Agents.Example", "2001:DB8::1"]
        database = "postgresql://vedette:sesame@db.example/vedette"
        log_format = "json"
        [[zones]]
        id = "mzone"
        label = "One"
        country_code = "NL"
        source_ips = ["192.0.2.0/28", "192.0.2.77"]
    """

    config = load({}, config_file=write(tmp_path, text), environment={})

    assert config.data_dir == tmp_path / "data"
    assert config.http == HostPort("::", 443)
    assert config.roles == ("api", "collector")
    assert config.public_url == "https://monitoring.example"
    assert config.tls_cert == pair
    assert config.canary == (Canary("192.0.2.1", None), Canary("2001:db8::1", None), Canary("www.example", 443))
    assert config.allow_network == (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    assert config.agent_names == ("agents.example", "2001:db8::1")
    assert config.zones[0].source_ips == ("192.0.2.0/28", "192.0.2.77")
    assert config.has_tls


@pytest.mark.parametrize(("key", "text", "expected"), BAD_TEXTS)
def test_a_bad_value_is_named_by_its_flag_variable_and_key_with_what_was_expected(
    key: str, text: str, expected: str, tmp_path: Path
) -> None:
    setting = next(setting for setting in SETTINGS if setting.key == key)
    is_list = setting.shape.value == "many"
    file = write(tmp_path, f"{key} = {[text] if is_list else repr(text)}".replace("'", '"'))

    errors = {
        setting.flag: refusal({key: (text,) if is_list else text}),
        setting.variable: refusal(environment={setting.variable: text}),
        f"{file}: {key}": refusal(file=file),
    }

    for name, error in errors.items():
        assert str(error).startswith(f"{name}: "), name
        assert expected in str(error), name


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("htpp = '127.0.0.1:1'", "htpp"),
        ("http = 8080", "http"),
        ("insecure_http = 'yes'", "insecure_http"),
        ("roles = 'api'", "roles"),
        ("canary = [1]", "canary"),
        ("roles = []", "roles"),
        ("zones = ['mzdfw']", "zones"),
        ("keys = '1:00'", "keys"),
        ("[[zones]]\nid = 'dfw'\nlabel = 'x'\ncountry_code = 'US'", "zones"),
        ("[[zones]]\nid = 'mzdfw'\nlabel = 'x'\ncountry_code = 'USA'", "zones"),
        ("[[zones]]\nid = 'mzdfw'\nlabel = ''\ncountry_code = 'US'", "zones"),
        ("[[zones]]\nid = 'mzdfw'\nlabel = 'x'\ncountry_code = 'US'\nsource_ips = ['here']", "zones"),
        ("[[zones]]\nid = 'mzdfw'\nlabel = 'x'\ncountry_code = 'US'\ncolour = 'red'", "colour"),
    ],
)
def test_a_file_with_a_wrong_key_or_type_is_refused(text: str, key: str, tmp_path: Path) -> None:
    error = refusal(file=write(tmp_path, text))

    assert key in str(error)
    assert "; expected " in str(error)


def test_a_file_that_is_missing_or_no_toml_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")

    assert "cannot be read" in str(refusal(file=tmp_path / "none.toml"))
    assert "is not TOML" in str(refusal(file=write(tmp_path, "http =")))
    assert "is not TOML" in str(refusal(file=binary))


def test_a_zone_stands_there_once(tmp_path: Path) -> None:
    zone = "[[zones]]\nid = '{}'\nlabel = 'x'\ncountry_code = 'US'\n"

    assert "mzone is there twice" in str(refusal(file=write(tmp_path, zone.format("mzone") + zone.format("mzONE"))))


def test_zones_cannot_come_from_a_variable() -> None:
    assert str(refusal(environment={"VEDETTE_ZONES": "mzone"})).startswith("VEDETTE_ZONES: ")


def test_an_error_never_repeats_a_secret() -> None:
    error = refusal(environment={"VEDETTE_DATABASE": "oracle://scott:tiger@db"})

    assert str(error).startswith("VEDETTE_DATABASE: the value is not valid; expected ")
    assert "tiger" not in repr(error)


def test_a_database_password_shows_nowhere() -> None:
    config = load({}, environment={"VEDETTE_DATABASE": "postgresql://vedette:sesame@db.example:5433/v?password=sesame"})

    assert "sesame" not in repr(config)
    assert config.database_shown == "postgresql://vedette@db.example:5433/v"


def test_the_embedded_database_lies_in_the_data_directory() -> None:
    config = load({"database": "sqlite", "data_dir": "/srv/vedette"}, environment={})

    assert config.database is None
    assert config.database_shown == "sqlite /srv/vedette/vedette.db"


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "monitoring.example"])  # noqa: S104 - what is refused
def test_plain_http_off_loopback_is_refused_unless_said_aloud(host: str) -> None:
    error = refusal({"http": f"{host}:8080"})

    assert error.key == "http"
    assert load({"http": f"{host}:8080", "insecure_http": True}, environment={}).http.port == 8080
    assert load({"http": f"{host}:8080", "tls": "self"}, environment={}).has_tls
    assert load({"http": f"{host}:8080", "trusted_proxy": ("10.0.0.0/8",)}, environment={}).http.port == 8080


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "[::1]", "localhost"])
def test_plain_http_on_loopback_is_fine(host: str) -> None:
    assert load({"http": f"{host}:0"}, environment={}).http.is_loopback


def test_plain_http_is_taken_from_loopback_and_trusted_proxies_only() -> None:
    config = load({"http": "0.0.0.0:80", "trusted_proxy": ("10.0.0.0/8",)}, environment={})

    peers = ["127.0.0.1", "::1", "10.1.2.3", "11.1.2.3", "2001:db8::1"]
    assert [config.takes_plain_http_from(ip_address(peer)) for peer in peers] == [True, True, True, False, False]


def test_certificate_and_key_come_together_and_exist(tmp_path: Path) -> None:
    there = tmp_path / "there.pem"
    there.touch()
    missing = str(tmp_path / "missing.pem")

    assert refusal({"tls_cert": str(there)}).key == "tls_key"
    assert refusal({"tls_key": str(there)}).key == "tls_cert"
    assert refusal({"tls_cert": str(there), "tls_key": missing}).key == "tls_key"
    assert refusal({"tls_cert": str(there), "tls_key": str(there), "tls": "self"}).key == "tls"
    assert "cannot be used" in str(refusal({"tls_cert": str(there), "tls_key": str(there)}))


def test_two_listeners_do_not_share_an_address_but_may_both_let_the_system_choose() -> None:
    assert refusal({"http": "127.0.0.1:9000", "agent": "127.0.0.1:9000"}).key == "agent"
    assert load({"http": "127.0.0.1:0", "agent": "127.0.0.1:0"}, environment={}).http == HostPort("127.0.0.1", 0)


def test_a_command_on_the_stores_does_not_stumble_over_how_to_serve() -> None:
    environment = {"VEDETTE_HTTP": "0.0.0.0:80", "VEDETTE_ROLES": "cook", "VEDETTE_DATA_DIR": "/srv/vedette"}

    config = load({}, environment=environment, only=STORE_SETTINGS)

    assert (config.data_dir, config.http) == (Path("/srv/vedette"), HostPort("127.0.0.1", 8080))


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"metrics_write_url": "http://a.example/w"}, "metrics_write_url: is given without metrics_url"),
        ({"metrics_token_file": "token"}, "metrics_token_file: is given without metrics_url"),
        ({"remote_write_token_file": "token"}, "remote_write_token_file: is given without remote_write"),
        (
            {"metrics_url": "http://a.example", "metrics_token_file": "/nowhere/token"},
            "metrics_token_file: there is no file /nowhere/token",
        ),
    ],
)
def test_what_belongs_to_a_metric_store_wants_one(flags: dict[str, object], named: str) -> None:
    assert str(refusal(flags)).startswith(named)


def test_an_error_repeats_no_url_of_a_store_for_it_may_hold_a_secret() -> None:
    for key in ("metrics_url", "metrics_write_url", "remote_write"):
        error = refusal({key: "http://user:sesame@store.example/?key=sesame"})
        assert "sesame" not in str(error)
        assert "a token file" in str(error)


@pytest.mark.parametrize(("text", "size"), [("1M", 1 << 20), ("512M", 512 << 20), ("4G", 4 << 30), ("2GiB", 2 << 30)])
def test_sizes_are_in_mebibytes_or_gibibytes(text: str, size: int) -> None:
    assert load({"spool_size": text}, environment={}).spool_size == size
