# runCommand and what writes files: text, scripts, and directories of links.
{ lib }:
final: prev:

let
  runCommandWith =
    stdenv: name: attributes: buildCommand:
    stdenv.mkDerivation (
      {
        inherit name buildCommand;
        passAsFile = [ "buildCommand" ] ++ attributes.passAsFile or [ ];
      }
      // removeAttrs attributes [ "passAsFile" ]
    );

  writeTextFile =
    {
      name,
      text,
      executable ? false,
      destination ? "",
      checkPhase ? "",
      meta ? { },
    }:
    final.runCommand name
      {
        inherit text meta;
        passAsFile = [ "text" ];
      }
      ''
        target=$out${destination}
        mkdir -p "$(dirname "$target")"
        printf %s "$text" >"$target"
        ${lib.optionalString executable ''chmod +x "$target"''}
        ${checkPhase}
      '';

  script = text: ''
    #!/bin/bash
    ${text}
  '';
in
{
  runCommand = runCommandWith final.stdenv;
  runCommandLocal =
    name: attributes:
    runCommandWith final.stdenvNoCC name (
      {
        preferLocalBuild = true;
        allowSubstitutes = false;
      }
      // attributes
    );

  inherit writeTextFile;
  writeText = name: text: writeTextFile { inherit name text; };
  writeShellScript =
    name: text:
    writeTextFile {
      inherit name;
      executable = true;
      text = script text;
    };
  writeShellScriptBin =
    name: text:
    writeTextFile {
      inherit name;
      executable = true;
      destination = "/bin/${name}";
      text = script text;
      meta.mainProgram = name;
    };
  writeShellApplication =
    {
      name,
      text,
      runtimeInputs ? [ ],
      meta ? { },
      ...
    }:
    writeTextFile {
      inherit name;
      executable = true;
      destination = "/bin/${name}";
      text = script ''
        set -o errexit -o nounset -o pipefail
        export PATH="${lib.concatMapStringsSep "" (input: "${input}/bin:") runtimeInputs}$PATH"
        ${text}
      '';
      meta = {
        mainProgram = name;
      }
      // meta;
    };
}
