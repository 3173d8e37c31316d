"""The example at the end of each command's help, and completion by the shell."""

import shlex
import shutil
import subprocess

import pytest

from layerox.cli.completion import SHELLS, commands_of
from layerox.cli.examples import EXAMPLES
from layerox.cli.main import EXAMPLE, command_parser, main

COMMANDS = commands_of(command_parser())
# Commands whose examples need no result of a fit, in an order in which each finds the files of those before.
WITHOUT_RESULTS = ("build", "check", "interface", "phases", "simulate", "look", "formats", "instruments", "explain")


def words(command):
    """Return the words of an example, without what the shell does with its output."""
    text = EXAMPLES[command].partition(">")[0]
    return [command, *shlex.split(text)]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_ends_with_an_example_that_is_a_command_line(command):
    last = COMMANDS[command].format_help().rstrip().splitlines()[-1]
    assert last == f"{EXAMPLE}{command} {EXAMPLES[command]}"
    assert len(last) <= 100
    command_parser().parse_args(words(command))


def test_no_example_is_left_over():
    assert set(EXAMPLES) == set(COMMANDS)


def test_examples_run_one_after_another(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert {command: main(words(command)) for command in WITHOUT_RESULTS} == dict.fromkeys(WITHOUT_RESULTS, 0)
    assert {file.name for file in tmp_path.iterdir()} >= {"p2.cif", "p2_o3.cif", "mixture.xye", "mixture.png"}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_completes_every_command(shell, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(command in script for command in COMMANDS)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_an_option(capsys):
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    asked = "COMP_WORDS=(layerox fit --hard); COMP_CWORD=2; _shtab_layerox; echo ${COMPREPLY[@]}"
    done = subprocess.run(["bash", "-c", f"{script}\n{asked}"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["--hardware"]
