"""The command line: commands are made from the verbs' option models; what a verb returns is printed.

Nothing heavy is imported before a verb is chosen: the list of commands comes from the registry, the
one-line helps from the sources.
"""

from __future__ import annotations

import sys
import types
import typing
from pathlib import Path
from typing import Any

import click

from prefkit import __version__
from prefkit.errors import ConfigError, PrefkitError
from prefkit.registry import load, names, summary

__all__ = ["main"]


class _Group(click.Group):
    """Commands of one level, imported when one is chosen."""

    def __init__(self, prefix: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002, RUF100
        rest = [
            name.removeprefix(self._prefix)
            for name in names("verb")
            if name.startswith(self._prefix)
        ]
        return list(dict.fromkeys(name.partition(" ")[0] for name in rest))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        full = self._prefix + cmd_name
        if full in names("verb"):
            return _command(full)
        inner = [name for name in names("verb") if name.startswith(f"{full} ")]
        if not inner:
            from prefkit.registry import nearest

            raise ConfigError(
                f"there is no command {full!r}{nearest(cmd_name, self.list_commands(ctx))}",
                hint="prefkit --help",
            )
        return _Group(f"{full} ", name=cmd_name, help=f"{cmd_name.capitalize()} comparisons.")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            inner = [
                verb for verb in names("verb") if f"{verb} ".startswith(f"{self._prefix}{name} ")
            ]
            rows.extend((verb.removeprefix(self._prefix), summary("verb", verb)) for verb in inner)
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _command(name: str) -> click.Command:
    verb = load("verb", name)
    fields = verb.model_fields
    parameters: list[click.Parameter] = [
        _argument(field, fields[field]) for field in verb.positional
    ]
    parameters += [_option(n, f) for n, f in fields.items() if n not in verb.positional]
    parameters += [
        click.Option(["--json", "_json"], is_flag=True, help="Print one JSON document."),
        click.Option(["--quiet", "_quiet"], is_flag=True, help="No progress, no messages."),
        click.Option(["-v", "--verbose", "_verbose"], is_flag=True, help="More messages."),
        click.Option(["--debug", "_debug"], is_flag=True, help="Show the traceback of an error."),
    ]

    def call(**given: Any) -> None:
        from prefkit.terminal import run_verb

        shown = {key: given.pop(f"_{key}") for key in ("json", "quiet", "verbose", "debug")}
        options = {key: value for key, value in given.items() if value not in (None, ())}
        run_verb(verb, name, options, **shown)

    return click.Command(
        name.rpartition(" ")[2], params=parameters, callback=call, help=_help(verb.__doc__ or "")
    )


def _help(docstring: str) -> str:
    import inspect

    return inspect.cleandoc(docstring)


def _argument(name: str, field: Any) -> click.Argument:
    many = typing.get_origin(field.annotation) is tuple
    return click.Argument(
        [name],
        nargs=-1 if many else 1,
        required=field.is_required(),
        metavar=name.upper() + ("..." if many else ""),
    )


def _option(name: str, field: Any) -> click.Option:
    flag = "--" + name.replace("_", "-").removesuffix("-in-full")
    kind = _plain(field.annotation)
    if kind is bool:
        return click.Option([flag, name], is_flag=True, default=None, help=field.description)
    default = None if field.is_required() or field.default in (None, (), {}) else field.default
    hint = f"{field.description or ''}" + (
        "" if default is None else f"  [default: {_shown(default)}]"
    )
    many = typing.get_origin(kind) is tuple
    return click.Option(
        [flag, name], multiple=many, required=field.is_required(), help=hint, metavar=_metavar(kind)
    )


def _plain(annotation: Any) -> Any:
    """The annotation without `| None`."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [part for part in typing.get_args(annotation) if part is not type(None)]
        return rest[0] if len(rest) == 1 else annotation
    return annotation


def _metavar(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return "|".join(map(str, typing.get_args(kind)))
    if typing.get_origin(kind) is tuple:
        return _metavar(typing.get_args(kind)[0])
    known = {int: "N", float: "X", str: "TEXT", Path: "PATH"}
    return known.get(kind, "YAML")


def _shown(default: Any) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


_ROOT = _Group(
    name="prefkit",
    help="Construct and curate preference datasets that a training team can trust.",
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=lambda ctx, _, value: (
                (click.echo(f"prefkit {__version__}"), ctx.exit()) if value else None
            ),
            help="Print the version.",
        )
    ],
)


def main() -> None:
    """Run the command line and exit with the code of what happened."""
    try:
        code = _ROOT.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else str(error))
        code = 2
    except click.ClickException as error:
        code = _say(error.format_message(), "prefkit --help", 2)
    except (click.Abort, KeyboardInterrupt):
        code = _say("interrupted; finished steps are kept", "run the same command again", 130)
    except PrefkitError as error:
        code = _say(str(error), error.hint, error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _say(message: str, hint: str | None, code: int) -> int:
    from prefkit.terminal import print_error

    print_error(message, hint)
    return code


if __name__ == "__main__":
    main()
