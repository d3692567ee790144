# The builder of every derivation of the stand-in: nixpkgs's phases, as far as anything here has them. Each is the
# variable of its name, or what stands here if there is none.
set -eu -o pipefail
shopt -s nullglob

PATH=
# Functions that inputs have run after the patch phase.
postPatchHooks=()
for input in ${nativeBuildInputs-} ${buildInputs-}; do
  PATH+=$input/bin:
  if [ -f "$input/nix-support/setup-hook" ]; then source "$input/nix-support/setup-hook"; fi
done
export PATH=$PATH/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
export SOURCE_DATE_EPOCH=315532800
export TZ=UTC
umask 0022

# cc is a link by way of /etc on Debian, which the sandbox does not show.
if ! type -P cc >/dev/null && type -P gcc >/dev/null; then
  mkdir "$TMPDIR/.compiler"
  ln -s "$(type -P gcc)" "$TMPDIR/.compiler/cc"
  PATH=$TMPDIR/.compiler:$PATH
fi

runHook() {
  eval "${!1-}"
}

# nixpkgs names it so: a long attribute that passAsFile keeps out of the environment.
for attribute in ${passAsFile-}; do
  file=${attribute}Path
  printf -v "$attribute" %s "$(cat "${!file}"; echo .)"
  printf -v "$attribute" %s "${!attribute%.}"
done

unpack() {
  [ -n "${src-}" ] || { echo "nothing to unpack: neither src nor dontUnpack" >&2; return 1; }
  mkdir source
  if [ -d "$src" ]; then cp -r "$src/." source; else tar xf "$src" --strip-components=1 -C source; fi
  chmod -R u+w source
  cd "source/${sourceRoot-}"
}

phase() {
  local skip=$1 text=$2 otherwise=$3
  [ -z "${!skip-}" ] || return 0
  if [ -n "${!text-}" ]; then eval "${!text}"; else $otherwise; fi
}

if [ -n "${buildCommand-}" ]; then
  eval "$buildCommand"
  exit
fi

phase dontUnpack unpackPhase unpack
phase dontPatch patchPhase :
for hook in "${postPatchHooks[@]}"; do $hook; done
phase dontConfigure configurePhase :
phase dontBuild buildPhase :
if [ -n "${doCheck-}" ]; then phase dontCheck checkPhase :; fi
phase dontInstall installPhase :
phase dontFixup fixupPhase :
if [ -n "${doInstallCheck-}" ]; then phase dontInstallCheck installCheckPhase :; fi
