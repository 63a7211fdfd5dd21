"""`rrdnsd completion`: teach a shell to complete commands, options, services and addresses."""

from enum import StrEnum
from typing import Annotated

import typer

# bash takes a colon for the end of a word, which IPv6 addresses do not survive: so the words are taken from the
# line itself, and what bash holds for typed already is cut off from the answers.
_BASH = """\
_rrdnsd_complete() {
    local line="${COMP_LINE:0:COMP_POINT}" word IFS=$' \\t\\n'
    local -a words
    read -ra words <<<"$line"
    [[ "$line" == *[[:space:]] ]] && words+=("")
    word="${words[${#words[@]}-1]}"
    IFS=$'\\n'
    COMPREPLY=($(COMP_WORDS="$line" COMP_CWORD=$((${#words[@]} - 1)) _RRDNSD_COMPLETE=complete_bash "$1" 2>/dev/null))
    if [[ "$COMP_WORDBREAKS" == *:* && "$word" == *:* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*:}"}"}")
    fi
}
complete -o default -F _rrdnsd_complete rrdnsd
"""

# Read by `source` it registers itself; as the file _rrdnsd in $fpath it is called for the first completion already.
_ZSH = """\
#compdef rrdnsd
_rrdnsd_complete() {
    local -a found
    found=("${(@f)$(COMP_WORDS="${words[1,CURRENT]}" COMP_CWORD=$((CURRENT - 1)) _RRDNSD_COMPLETE=complete_bash rrdnsd 2>/dev/null)}")
    if [[ -n "${found[*]}" ]]; then compadd -a found; else _files; fi
}
if [[ "${funcstack[1]}" == _rrdnsd ]]; then _rrdnsd_complete; else compdef _rrdnsd_complete rrdnsd; fi
"""

_FISH = """\
function __rrdnsd_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l place (math (count $words) - 1)
    set -l found (COMP_WORDS="$words" COMP_CWORD=$place _RRDNSD_COMPLETE=complete_bash rrdnsd 2>/dev/null)
    if test -n "$found"
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c rrdnsd -f -a '(__rrdnsd_complete)'
"""


class Shell(StrEnum):
    """The shells that can be taught."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_SCRIPTS = {Shell.BASH: _BASH, Shell.ZSH: _ZSH, Shell.FISH: _FISH}


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="Which shell.")],
) -> None:
    """Print what teaches a shell to complete rrdnsd.

    bash: source <(rrdnsd completion bash), for good in ~/.bashrc. zsh: the same after compinit. fish: rrdnsd
    completion fish > ~/.config/fish/completions/rrdnsd.fish
    """
    print(_SCRIPTS[shell], end="")
