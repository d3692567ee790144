import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { UsageError } from '../usage-error.ts'

/** `nixsig completion [SHELL]`: a script that asks `nixsig complete` what may come next. */
export const completion = command({
  arguments: {
    shell: { count: 'at most one', text: 'bash, zsh or fish; by default the one that SHELL names' },
  },
  examples: [
    [
      'completion bash >~/.local/share/bash-completion/completions/nixsig',
      'For bash, from the next login on',
    ],
    ['completion zsh >~/.zfunc/_nixsig', 'For zsh, in a directory of fpath'],
    ['completion fish >~/.config/fish/completions/nixsig.fish', 'For fish'],
  ],
  run: printScript,
})

async function printScript(
  { shell: named }: { readonly shell: string | undefined },
  { terminal }: Invocation,
): Promise<Status> {
  const shell = named ?? (process.env['SHELL'] ?? '').split('/').at(-1)
  if (shell === 'zsh') terminal.print(ZSH)
  else if (shell === 'fish') terminal.print(FISH)
  else if (shell === 'bash' || named === undefined) terminal.print(BASH)
  else throw new UsageError('there is a script for bash, zsh and fish: name one of them')
  return 0
}

/**
 * What nixsig prints is data: no line of it is expanded, and what a shell could read as more than a
 * word gets quoted. bash takes a colon for the end of a word, so words are put together again, and
 * what is before the last colon is left out of what bash puts in.
 */
const BASH = `# Completion of nixsig for bash.
_nixsig() {
  local word line glue='' words=() current before=''
  for word in "$\{COMP_WORDS[@]:1:COMP_CWORD}"; do
    if [[ ( $word == : || -n $glue ) && $\{#words[@]} -gt 0 ]]; then
      words[$\{#words[@]}-1]+=$word
    else
      words+=("$word")
    fi
    [[ $word == : ]] && glue=1 || glue=''
  done
  current=$\{words[$\{#words[@]}-1]}
  [[ $current == *:* ]] && before=$\{current%"$\{current##*:}"}
  COMPREPLY=()
  while IFS= read -r line; do
    printf -v line %q "$\{line#"$before"}"
    COMPREPLY+=("$line")
  done < <(nixsig complete -- "$\{words[@]}" 2>/dev/null)
  [[ $\{COMPREPLY[0]-} == *: ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -o bashdefault -o default -F _nixsig nixsig`

const ZSH = `#compdef nixsig
_nixsig() {
  local -a found
  found=("$\{(@f)$(nixsig complete -- "$\{(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("$\{(@)found:#}")
  (( $#found )) && compadd -- "$\{found[@]}" || _files
}
compdef _nixsig nixsig`

const FISH = `# Completion of nixsig for fish.
complete -c nixsig -a '(nixsig complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'`
