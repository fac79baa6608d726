"""What a shell needs to complete the command line: scripts for bash, zsh and fish, made from the parser itself."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHELLS = ("bash", "zsh", "fish")


@dataclass(frozen=True, kw_only=True, slots=True)
class Flag:
    """A flag: its spellings, what it does, whether a value follows, and which values are known."""

    names: tuple[str, ...]
    about: str
    takes_value: bool
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verb:
    """A verb: its flags, and words that may stand where it wants no flag; beside them, names of files."""

    name: str
    about: str
    flags: tuple[Flag, ...]
    words: tuple[str, ...]


def verbs_of(parser: argparse.ArgumentParser, known: Mapping[str, Sequence[str]]) -> tuple[Verb, ...]:
    """All verbs of a program.

    Parameters
    ----------
    known : words by the name of the argument that takes them, where the parser has no choices of its own.
    """
    listed = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    about = {choice.dest: choice.help or "" for choice in listed._choices_actions}
    return tuple(_verb(name, about.get(name, ""), verb, known) for name, verb in listed.choices.items())


def script(parser: argparse.ArgumentParser, shell: str, known: Mapping[str, Sequence[str]]) -> str:
    """The script for one of `SHELLS`; it is written to a file that the shell reads, or read by it at once."""
    made = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    return made[shell](parser.prog, verbs_of(parser, known))


def _verb(name: str, about: str, parser: argparse.ArgumentParser, known: Mapping[str, Sequence[str]]) -> Verb:
    flags: list[Flag] = []
    words: list[str] = []
    for action in parser._actions:
        values = tuple(str(one) for one in action.choices) if action.choices else tuple(known.get(action.dest, ()))
        if action.option_strings:
            takes = action.nargs != 0
            about_flag = (action.help or "").replace("%%", "%")
            flags.append(
                Flag(
                    names=tuple(action.option_strings),
                    about=about_flag,
                    takes_value=takes,
                    values=values if takes else (),
                )
            )
        else:
            words += values
    return Verb(name=name, about=about, flags=tuple(flags), words=tuple(words))


def _bash(program: str, verbs: Sequence[Verb]) -> str:
    name = _function(program)
    values, cases = [], []
    for verb in verbs:
        for flag in verb.flags:
            if flag.takes_value:
                patterns = "|".join(f"{verb.name}:{each}" for each in flag.names)
                reply = f'COMPREPLY=($(compgen -W "{" ".join(flag.values)}" -- "$word"))' if flag.values else ":"
                values.append(f"    {patterns}) {reply}; return ;;")
        flags = " ".join(each for flag in verb.flags for each in flag.names)
        cases.append(f'    {verb.name}) flags="{flags}"; words="{" ".join(verb.words)}" ;;')
    return f"""# Completion of {program} for bash: `source <({program} completion bash)`, or write it to a file in
# ~/.local/share/bash-completion/completions/{program}
{name}() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" verb="" flags words each
  for each in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    if [[ $each != -* ]]; then verb=$each; break; fi
  done
  COMPREPLY=()
  case "$verb:$before" in
{chr(10).join(values)}
  esac
  case "$verb" in
{chr(10).join(cases)}
    "") flags="--help --version"; words="{" ".join(verb.name for verb in verbs)}" ;;
    *) return ;;
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  elif [[ -z $verb ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$word") $(compgen -f -- "$word"))
  fi
}}
complete -o default -o filenames -F {name} {program}
"""


def _zsh(program: str, verbs: Sequence[Verb]) -> str:
    name = _function(program)
    values, cases = [], []
    for verb in verbs:
        for flag in verb.flags:
            if flag.takes_value:
                patterns = "|".join(f"{verb.name}:{each}" for each in flag.names)
                reply = f"compadd -- {' '.join(map(_quoted, flag.values))}" if flag.values else "_files"
                values.append(f"    {patterns}) {reply}; return ;;")
        flags = " ".join(each for flag in verb.flags for each in flag.names)
        words = f"compadd -- {' '.join(map(_quoted, verb.words))}; " if verb.words else ""
        cases.append(f"    {verb.name}) if [[ $PREFIX == -* ]]; then compadd -- {flags}; else {words}_files; fi ;;")
    described = "\n".join(f"    {_quoted(f'{verb.name}:{verb.about}')}" for verb in verbs)
    return f"""#compdef {program}
# Completion of {program} for zsh: write it to a file `_{program}` in a folder of $fpath, or
# `source <({program} completion zsh)` behind compinit.
{name}() {{
  local verb="" each
  local -a verbs
  verbs=(
{described}
  )
  for each in ${{words[2,CURRENT-1]}}; do
    if [[ $each != -* ]]; then verb=$each; break; fi
  done
  case "$verb:${{words[CURRENT-1]}}" in
{chr(10).join(values)}
  esac
  case "$verb" in
{chr(10).join(cases)}
    "") if [[ $PREFIX == -* ]]; then compadd -- --help --version; else _describe verb verbs; fi ;;
  esac
}}
compdef {name} {program}
"""


def _fish(program: str, verbs: Sequence[Verb]) -> str:
    lines = [
        f"# Completion of {program} for fish: write it to ~/.config/fish/completions/{program}.fish, or",
        f"# `{program} completion fish | source`.",
        f"complete -c {program} -n __fish_use_subcommand -f -l version -d 'say the version'",
    ]
    lines += [
        f"complete -c {program} -n __fish_use_subcommand -f -a {verb.name} -d {_quoted(verb.about)}" for verb in verbs
    ]
    for verb in verbs:
        seen = f"complete -c {program} -n '__fish_seen_subcommand_from {verb.name}'"
        for flag in verb.flags:
            spelled = " ".join(f"-l {each[2:]}" if each.startswith("--") else f"-s {each[1:]}" for each in flag.names)
            value = " -r" if flag.takes_value else ""
            known = f" -f -a {_quoted(' '.join(flag.values))}" if flag.values else ""
            lines.append(f"{seen} {spelled}{value}{known} -d {_quoted(flag.about)}")
        if verb.words:
            lines.append(f"{seen} -a {_quoted(' '.join(verb.words))}")
    return "\n".join(lines) + "\n"


def _function(program: str) -> str:
    return f"_{program.replace('-', '_')}"


def _quoted(text: str) -> str:
    """A text as one word of a shell."""
    return "'" + text.replace("\\", " ").replace("'", "\N{RIGHT SINGLE QUOTATION MARK}").replace("\n", " ") + "'"
