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
      derivationArgs ? { },
    }:
    final.runCommand name
      (
        {
          inherit text meta;
          passAsFile = [ "text" ];
        }
        // derivationArgs
      )
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

  # Each file of `paths` under its own name, the first of several that have one.
  linked =
    {
      name,
      paths,
      postBuild ? "",
      ...
    }:
    final.runCommand name { inherit paths; } ''
      mkdir -p $out
      for path in $paths; do
        (cd "$path" && find -L . -type d) | while read -r directory; do mkdir -p "$out/$directory"; done
        (cd "$path" && find -L . -type f) | while read -r file; do
          [ -e "$out/$file" ] || ln -s "$path/$file" "$out/$file"
        done
      done
      ${postBuild}
    '';
in
{
  runCommand = runCommandWith final.stdenv;
  runCommandNoCC = runCommandWith final.stdenvNoCC;
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
  writeTextDir =
    path: text:
    writeTextFile {
      name = baseNameOf path;
      destination = "/${path}";
      inherit text;
    };
  writeScript =
    name: text:
    writeTextFile {
      inherit name text;
      executable = true;
    };
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

  symlinkJoin = linked;
  buildEnv = linked;
}
