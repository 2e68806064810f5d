/** What a shell evaluates to have `eco` completed. Each asks `eco __complete` with the line up to the cursor. */
export const completionScripts = {
  bash: `# Completion of eco for bash. To have it in every shell, put into ~/.bashrc:
#   eval "$(eco completion bash)"
_eco_complete() {
  local line="\${COMP_LINE:0:COMP_POINT}" answer value cut='' breaks=''
  local current="\${line##*[[:space:]]}"
  COMPREPLY=()
  answer="$("\${COMP_WORDS[0]}" __complete "$line" 2>/dev/null)" || return 0
  [ -n "$answer" ] || return 0
  if [ "$answer" = ':files' ]; then
    compopt -o default 2>/dev/null
    return 0
  fi
  # what bash takes for words of their own is not said again
  case "$COMP_WORDBREAKS" in *:*) breaks+=':' ;; esac
  case "$COMP_WORDBREAKS" in *=*) breaks+='=' ;; esac
  [ -n "$breaks" ] && cut="\${current%"\${current##*[$breaks]}"}"
  while IFS=$'\\t' read -r value _; do
    COMPREPLY+=("\${value#"$cut"}")
  done <<<"$answer"
}
complete -F _eco_complete eco
`,
  zsh: `#compdef eco
# Completion of eco for zsh. To have it in every shell, put into ~/.zshrc, below compinit:
#   eval "$(eco completion zsh)"
_eco() {
  local line="\${(j: :)words[1,CURRENT-1]} $PREFIX" answer row
  local -a values
  answer="$(\${words[1]} __complete "$line" 2>/dev/null)" || return 1
  [[ -n $answer ]] || return 1
  if [[ $answer == ':files' ]]; then
    _files
    return
  fi
  for row in \${(f)answer}; do
    values+=("\${\${row%%$'\\t'*}//:/\\\\:}:\${row#*$'\\t'}")
  done
  _describe -V eco values
}
if [[ \${funcstack[1]} == _eco ]]; then _eco "$@"; else compdef _eco eco; fi
`,
  fish: `# Completion of eco for fish. To have it in every shell:
#   eco completion fish > ~/.config/fish/completions/eco.fish
function __eco_complete
    set -l line (commandline -cp)
    set -l answer (command eco __complete "$line" 2>/dev/null)
    if test "$answer" = ':files'
        __fish_complete_path (commandline -ct)
    else
        printf '%s\\n' $answer
    end
end
complete -c eco -f -a '(__eco_complete)'
`,
} as const;

export type Shell = keyof typeof completionScripts;
