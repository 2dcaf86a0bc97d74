
# Servers, methods and params come from the program. All else comes from the function above.
_rpc_words() {
    COMPREPLY=()
    local candidate
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <(command rpc __complete bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null </dev/null)
    if [[ ${#COMPREPLY[@]} -gt 0 ]]; then
        # The value follows the name at once.
        if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
            compopt -o nospace 2>/dev/null
        fi
        return 0
    fi
    _rpc "$@"
    # Placeholders such as <URL> are no words to insert.
    local -a words=()
    for candidate in "${COMPREPLY[@]}"; do
        [[ $candidate == [\<\[]* ]] || words+=("$candidate")
    done
    COMPREPLY=("${words[@]}")
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _rpc_words -o nosort -o bashdefault -o default rpc
else
    complete -F _rpc_words -o bashdefault -o default rpc
fi
