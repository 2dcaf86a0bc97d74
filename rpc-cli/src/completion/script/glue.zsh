# Servers, methods and params come from the program, and files where it knows none.
_rpc_words() {
    local -a found line
    line=("${(@Q)${(z)LBUFFER}}")
    [[ $LBUFFER == *[[:space:]] ]] && line+=("")
    found=("${(@f)$(command rpc __complete zsh "${(@)line[2,-1]}" 2>/dev/null </dev/null)}")
    if [[ -z ${found[1]} ]]; then
        _default
    elif [[ ${found[1]%%:*} == *= ]]; then
        # The value follows the name at once.
        _describe -V 'rpc' found -S ''
    else
        _describe -V 'rpc' found
    fi
}
