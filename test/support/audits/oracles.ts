/**
 * What others read our reports with: cyclonedx-python-lib and spdx-tools of Debian sid, and
 * Microsoft's SARIF Multitool.
 */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { debianRoot } from '../../../tools/debian-roots.mjs'
import { multitoolDirectory } from '../../../tools/sarif-multitool.mjs'
import { sidProgram } from '../sid-tools.ts'

/** What a reader says of one document: how many parts it read, or what is wrong. */
export interface Reading {
  readonly parts?: number
  readonly problem?: string
}

/** Reads files, one after the other; prints a Reading in JSON for each. */
const CYCLONEDX = `
import json, sys
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

validator = JsonStrictValidator(SchemaVersion.V1_6)
for name in sys.argv[1:]:
    with open(name) as file:
        text = file.read()
    problem = validator.validate_str(text)
    if problem is not None:
        print(json.dumps({'problem': str(problem)[:2000]}))
        continue
    bom = Bom.from_json(json.loads(text))
    bom.validate()
    print(json.dumps({'parts': len(bom.components)}))
`

const SPDX = `
import json, sys
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

for name in sys.argv[1:]:
    try:
        document = parse_file(name)
    except Exception as error:
        print(json.dumps({'problem': repr(error)[:2000]}))
        continue
    problems = validate_full_spdx_document(document)
    if problems:
        print(json.dumps({'problem': problems[0].validation_message[:2000]}))
    else:
        print(json.dumps({'parts': len(document.packages)}))
`

/** CycloneDX 1.6 JSON, by its schema and as a model. `directory`: for scratch. */
export function readCycloneDx(directory: string, files: readonly string[]): Promise<readonly Reading[]> {
  return readByPython(directory, CYCLONEDX, files)
}

/** SPDX 2.3 JSON; names must end in `.spdx.json`. */
export function readSpdx(directory: string, files: readonly string[]): Promise<readonly Reading[]> {
  return readByPython(directory, SPDX, files)
}

async function readByPython(
  directory: string,
  script: string,
  files: readonly string[],
): Promise<readonly Reading[]> {
  const usr = join(debianRoot('sid'), 'usr')
  const program = sidProgram('python3', directory)
  const source = join(directory, 'reader.py')
  writeFileSync(source, script)
  const { stdout, stderr } = await run(program, [source, ...files], {
    PYTHONHOME: usr,
    PYTHONPATH: join(usr, 'lib/python3/dist-packages'),
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONUTF8: '1',
  })
  const readings = stdout.split('\n').filter(line => line !== '')
  if (readings.length !== files.length) throw new Error(stderr)
  return readings.map(line => JSON.parse(line))
}

interface MultitoolLog {
  readonly runs: readonly {
    readonly results?: readonly {
      readonly ruleId?: string
      readonly level?: string
      readonly message: {
        readonly text?: string
        readonly id?: string
        readonly arguments?: readonly string[]
      }
      readonly locations?: readonly {
        readonly physicalLocation?: { readonly artifactLocation?: { readonly uri?: string } }
      }[]
    }[]
  }[]
}

/**
 * What the Multitool finds wrong in SARIF files, by its rules for SARIF and for GitHub; a line each.
 * What is only advice is left out.
 */
export async function problemsOfSarif(
  directory: string,
  files: readonly string[],
): Promise<readonly string[]> {
  const out = join(directory, 'multitool.sarif')
  const program = join(multitoolDirectory(), 'Sarif.Multitool')
  const kinds = ['--rule-kind', 'Sarif;Ghas', '--level', 'Error', '--output', out, '--log', 'ForceOverwrite']
  const { stdout, stderr } = await run(program, ['validate', ...files, ...kinds], {
    HOME: directory,
    DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: '1',
  })
  if (!stdout.includes('Analysis completed successfully')) throw new Error(stdout + stderr)
  const log = JSON.parse(readFileSync(out, 'utf8').replace(/^\ufeff/, '')) as MultitoolLog
  return log.runs.flatMap(({ results = [] }) =>
    results.map(
      ({ ruleId, message, locations }) =>
        `${locations?.[0]?.physicalLocation?.artifactLocation?.uri}: ${ruleId} ${message.text ?? JSON.stringify(message.arguments)}`,
    ),
  )
}

/** The schema of SARIF 2.1.0 as OASIS has it. */
export function sarifSchema(): ValidateFunction {
  const schema = JSON.parse(readFileSync(join(multitoolDirectory(), 'sarif-2.1.0.json'), 'utf8'))
  return new Ajv2020({ strict: false, validateFormats: false }).compile(schema)
}

function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const options = {
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
    timeout: 300_000,
    maxBuffer: 1e8,
  }
  return new Promise(resolve => {
    execFile(program, [...args], options, (error, stdout, stderr) => {
      resolve({ stdout, stderr: `${stderr}${error?.message ?? ''}` })
    })
  })
}
