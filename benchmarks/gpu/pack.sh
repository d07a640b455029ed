#!/usr/bin/env bash
# Gather in .gpu-pack what a GPU machine without a network lacks: wheels for its Python, and with --model FILE.gguf a
# model, in pieces small enough for any way there.
#
#   benchmarks/gpu/pack.sh [--python 3.12] [--model FILE.gguf]
#
# The versions are those of constraints.txt. torch, transformers and what comes with them are not packed.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
version=3.12 model=
while [ $# -gt 1 ]; do
  case $1 in --python) version=$2 ;; --model) model=$2 ;; *) sed -n '2,8p' "$0"; exit 2 ;; esac
  shift 2
done
python=python3
[ ! -x .venv/bin/python ] || python=.venv/bin/python
names="trl datasets dill multiprocess pydantic pydantic_core annotated-types typing-inspection math-verify
       latex2sympy2_extended antlr4-python3-runtime plotly reasoning-gym peft gguf"
wanted=()
for name in $names; do
  pinned=$(grep -i -E "^${name//[-_]/[-_]}==" constraints.txt || true)
  wanted+=("${pinned:-$name}")
done
platforms=()
for glibc in 2_28 2_27 2_17 2_5 2_12; do platforms+=(--platform "manylinux_${glibc}_x86_64"); done
rm -rf .gpu-pack
mkdir -p .gpu-pack/wheels
for one in "${wanted[@]}"; do
  $python -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version "$version" \
    --implementation cp "${platforms[@]}" --platform manylinux2014_x86_64 --platform manylinux1_x86_64 \
    -d .gpu-pack/wheels "$one" || echo "no wheel of $one: left out" >&2
done
if [ -n "$model" ]; then
  mkdir -p .gpu-pack/model
  split -b 45M "$model" .gpu-pack/model/piece-
fi
du -sh .gpu-pack/*
