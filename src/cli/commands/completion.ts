import { command, GLOBAL_OPTIONS, type Invocation, type Options } from '../command.ts'
import { COMMANDS, GROUPS } from '../commands.ts'
import type { Status } from '../exit-status.ts'

/** `nixsig completion`: a script that needs nixsig no more; made from the commands' data. */
export const completion = command({
  examples: [
    ['completion >~/.local/share/bash-completion/completions/nixsig', 'for bash, from the next login on'],
  ],
  run: printScript,
})

async function printScript(_: object, { terminal }: Invocation): Promise<Status> {
  const steps = await stepsOf()
  const isZsh = /(?:^|\/)zsh$/.test(process.env['SHELL'] ?? '')
  terminal.print(isZsh ? forZsh(steps) : forBash(steps))
  return 0
}

/** What may follow a command, a group or nothing. */
interface Step {
  readonly name: string
  readonly candidates: readonly string[]
}

async function stepsOf(): Promise<readonly Step[]> {
  const shown = COMMANDS.filter(({ isHidden }) => isHidden !== true)
  const words = shown.map(({ name }) => name.split(' '))
  const first = [...new Set(words.map(([word = '']) => word))]
  const groups = Object.keys(GROUPS).map(name => {
    const members = words.flatMap(([group, member]) => (group === name && member ? [member] : []))
    return { name, candidates: [...members, ...optionsOf({})] }
  })
  const commands = shown.map(async ({ name, load }) => ({
    name,
    candidates: optionsOf((await load()).options),
  }))
  return [{ name: '', candidates: [...first, ...optionsOf({})] }, ...groups, ...(await Promise.all(commands))]
}

function optionsOf(options: Options): readonly string[] {
  return Object.keys({ ...options, ...GLOBAL_OPTIONS }).map(name => `--${name}`)
}

/** Finds the longest name among the words that were typed, and then what may follow it. */
function search(steps: readonly Step[]): string {
  const names = steps.flatMap(({ name }) => (name === '' ? [] : [`'${name}'`]))
  const cases = steps.map(({ name, candidates }) => `    '${name}') candidates='${candidates.join(' ')}' ;;`)
  return `  local name='' next candidates='' word
  for word in "$\{typed[@]}"; do
    next="$\{name:+$name }$word"
    case $next in ${names.join('|')}) name=$next ;; esac
  done
  case $name in
${cases.join('\n')}
  esac`
}

function forBash(steps: readonly Step[]): string {
  return `# Completion of nixsig for bash.
_nixsig() {
  local typed=("$\{COMP_WORDS[@]:1:COMP_CWORD-1}")
${search(steps)}
  COMPREPLY=($(compgen -W "$candidates" -- "$\{COMP_WORDS[COMP_CWORD]}"))
}
complete -o bashdefault -o default -F _nixsig nixsig`
}

function forZsh(steps: readonly Step[]): string {
  return `#compdef nixsig
_nixsig() {
  local typed=("$\{(@)words[2,CURRENT-1]}")
${search(steps)}
  compadd -- $\{=candidates} || _files
}
compdef _nixsig nixsig`
}
