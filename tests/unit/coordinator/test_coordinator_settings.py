"""Settings from options, environment and file: which wins, and what is said of a wrong one."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from coordinator import __main__ as program
from coordinator.settings import Settings, SettingsError, read_settings


def test_without_a_word_the_defaults_hold(tmp_path):
    settings = read_settings({}, {"XDG_DATA_HOME": str(tmp_path)})
    assert settings == Settings(data=tmp_path / "sparetime" / "coordinator")
    assert (settings.host, settings.port, settings.auth, settings.direct) == ("127.0.0.1", 3000, True, True)


def test_the_data_folder_of_windows_is_known_by_its_variable(tmp_path):
    assert read_settings({}, {"LOCALAPPDATA": str(tmp_path)}).data == tmp_path / "sparetime" / "coordinator"


def test_a_relative_xdg_folder_is_ignored_as_its_rules_say():
    data = read_settings({}, {"XDG_DATA_HOME": "data"}).data
    assert data == Path.home() / ".local" / "share" / "sparetime" / "coordinator"


def test_options_win_over_environment_and_that_over_the_file(tmp_path):
    file = tmp_path / "café 設定.toml"
    file.write_text('host = "localhost"\nport = 1\nlivez_port = 1\ndata = "d"\n', encoding="utf-8")
    environ = {"SPARETIME_CONFIG": str(file), "SPARETIME_PORT": "2", "SPARETIME_LIVEZ_PORT": "2"}
    settings = read_settings({"livez_port": "3"}, environ)
    assert (settings.host, settings.port, settings.livez_port) == ("localhost", 2, 3)
    assert settings.data == tmp_path / "d"


def test_networks_come_with_commas_and_repeated():
    wanted = (ip_network("192.0.2.0/24"), ip_network("198.51.100.7/32"), ip_network("2001:db8::/32"))
    options = {"seed_clients": ["192.0.2.0/24, 198.51.100.7", "2001:db8::/32"]}
    assert read_settings(options, {}).seed_clients == wanted


@pytest.mark.parametrize(
    ("options", "environ", "file", "said"),
    [
        ({"port": "70000"}, {}, "", r"--port is '70000'.*0 to 65535"),
        ({"port": "-1"}, {}, "", r"--port is '-1'"),
        ({"livez_port": "x"}, {}, "", r"--livez-port is 'x'"),
        ({"seed_clients": ["192.0.2.1/24"]}, {}, "", r"--seed-clients .*host bits"),
        ({"host": "a b"}, {}, "", r"--host is 'a b'"),
        ({}, {"SPARETIME_PORT": "²"}, "", r"SPARETIME_PORT is '²'"),
        ({}, {"SPARETIME_AUTH": "maybe"}, "", r"SPARETIME_AUTH is 'maybe'.*true or false"),
        ({}, {"SPARETIME_PROT": "1"}, "", r"no setting SPARETIME_PROT\. Did you mean SPARETIME_PORT\?"),
        ({}, {}, "port = true", r"port in .*s\.toml is True"),
        ({}, {}, "port = 80.5", r"port in .*s\.toml is 80.5"),
        ({}, {}, "prt = 80", r"no setting prt \(in .*s\.toml\)\. Did you mean port\?"),
        ({}, {}, "direct = 1", r"direct in .*s\.toml is 1.*true or false"),
        ({}, {}, "seed_clients = [1]", r"seed_clients in .*s\.toml"),
        ({}, {}, "port = ", r"s\.toml is not valid TOML"),
        ({"config": "missing.toml"}, {}, "", r"missing\.toml cannot be read"),
    ],
)
def test_a_wrong_setting_is_named_as_it_was_written(options, environ, file, said, tmp_path):
    if file:
        (tmp_path / "s.toml").write_text(file)
        options = {**options, "config": str(tmp_path / "s.toml")}
    with pytest.raises(SettingsError, match=said):
        read_settings(options, environ)


@pytest.mark.parametrize(
    "variable", ["SPARETIME_SERVER", "SPARETIME_JOB", "SPARETIME_ATTEMPT", "SPARETIME_ALWAYS"]
)
def test_the_variables_of_agents_and_jobs_are_none_of_its_business(variable):
    read_settings({}, {variable: "x"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve"], "Accounts are not built yet"),
        (["serve", "--no-auth", "--host", "0.0.0.0"], "Without accounts"),
        (["serve", "--no-auth", "--host", "office.example"], "Without accounts"),
        (["serve", "--no-auth", "--port", "x"], "--port is 'x'"),
    ],
)
def test_what_must_not_be_served_ends_with_2_and_a_sentence(arguments, said, capsys):
    assert program.main(arguments, {}) == 2
    assert said in capsys.readouterr().err


def test_the_command_line_reaches_the_settings(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(program, "_serve", lambda settings: seen.append(settings) or 0)
    line = ["serve", "--no-auth", "--no-direct", "--port", "0", "--data", str(tmp_path), "--host", "::1"]
    assert program.main([*line, "--seed-clients", "127.0.0.0/8"], {}) == 0
    (settings,) = seen
    assert settings == Settings(tmp_path, "::1", 0, False, False, (ip_network("127.0.0.0/8"),))


def test_an_unknown_option_ends_with_2(capsys):
    with pytest.raises(SystemExit) as ended:
        program.main(["serve", "--prot", "1"], {})
    assert ended.value.code == 2
