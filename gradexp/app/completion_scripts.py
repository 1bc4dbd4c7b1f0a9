"""The scripts by which shells ask for completions, and the answers: `gradexp --shell-completion install=SHELL`."""

import sys
from collections.abc import Sequence

BASH = r"""
_gradexp() {
    local line=${COMP_LINE:0:$COMP_POINT} words current before
    read -ra words <<< "$line"
    while [[ ${words[0]} == *=* ]]; do words=("${words[@]:1}"); done  # variables before the command
    if [[ $line == *[[:space:]] ]]; then words+=(""); fi
    current=${words[${#words[@]}-1]}
    local IFS=$'\n'
    COMPREPLY=($("${words[0]/#\~/$HOME}" --shell-completion query "${words[@]:1}" 2>/dev/null))
    if [[ $COMP_WORDBREAKS == *=* ]]; then  # then only what follows the last = is replaced
        before=${current%"${current##*=}"}
        COMPREPLY=("${COMPREPLY[@]#"$before"}")
    fi
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=./] ]]; then compopt -o nospace; fi
}
complete -F _gradexp gradexp
"""
ZSH = r"""
_gradexp() {
    local program=${(Q)words[1]/#\~/$HOME}
    local -a found
    found=("${(@f)$("$program" --shell-completion query "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
    found=(${found:#})
    (( $#found )) || return 1
    compadd -U -S '' -- ${(M)found:#*[=./]}
    compadd -U -- ${found:#*[=./]}
    return 0
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _gradexp gradexp
"""
FISH = r"""
function _gradexp
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    $words[1] --shell-completion query $words[2..] "$current" 2>/dev/null
end
complete -c gradexp -f -a '(_gradexp)'
"""
INSTALL = {"bash": BASH, "zsh": ZSH, "fish": FISH}
UNINSTALL = {"bash": "complete -r gradexp", "zsh": "compdef -d gradexp", "fish": "complete -e -c gradexp"}


def answer(arguments: Sequence[str]) -> None:
    """Print a shell's script, or the completions of `query WORD...`, one a line.

    Raises:
        SystemExit: The arguments are none of these.
    """
    command, *words = arguments or [""]
    action, _, shell = command.partition("=")
    scripts = {"install": INSTALL, "uninstall": UNINSTALL}.get(action, {})
    if command == "query":
        from gradexp.app.completion import candidates  # takes ten times as long as the rest

        print("\n".join(candidates(words)))
    elif shell in scripts:
        print(scripts[shell].strip())
    else:
        sys.exit(
            f"error: --shell-completion must be followed by install=SHELL or uninstall=SHELL, of {', '.join(INSTALL)}; "
            f'got {command or "nothing"}. Type eval "$(gradexp --shell-completion install=bash)" in bash, '
            'eval "$(gradexp --shell-completion install=zsh)" in zsh, gradexp --shell-completion install=fish | source '
            "in fish"
        )
