
# Servers, methods and params come from the program, and files where it knows none.
function __rpc_words
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found (command rpc __complete fish $words[2..-1] "$current" 2>/dev/null </dev/null)
    if set -q found[1]
        printf '%s\n' $found
    else
        __fish_complete_path "$current"
    end
end

complete -c rpc -n "__fish_seen_subcommand_from call batch list describe health bench diff" -f -a "(__rpc_words)"
