#!/usr/bin/env bash
# What the GPU paths give, on a machine with a CUDA card, torch and transformers, without a network, within nine minutes.
#
#   benchmarks/gpu/check.sh [--device cuda|cpu] [--only tests,step,sampler,lead] [--model DIR] [--out FILE]
#
# One JSON line a figure goes to the screen and, as it comes, to FILE (gpu-check.jsonl). What `make gpu-pack` gathered in
# .gpu-pack is used where it is there. Every part has a limit of its own, so that none takes the others' time; what does
# not fit into TOTAL seconds (520) is skipped and says so. Exit code 1 where a part failed.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
device=cuda only=tests,step,sampler,lead model= out=gpu-check.jsonl
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || { echo "$1 needs a value" >&2; exit 2; }
  case $1 in
    --device) device=$2 ;; --only) only=$2 ;; --model) model=$2 ;; --out) out=$2 ;;
    *) sed -n '2,9p' "$0"; exit 2 ;;
  esac
  shift 2
done
case $device in cuda | cpu) ;; *) echo "--device is cuda or cpu" >&2; exit 2 ;; esac

python=${PYTHON:-python3}
[ -n "${PYTHON:-}" ] || [ ! -x .venv/bin/python ] || python=.venv/bin/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONPATH=$PWD/src${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
: >"$out"
failed=0

say() { echo "$1" | tee -a "$out"; }
wants() { case ,$only, in *,$1,*) return 0 ;; *) return 1 ;; esac; }

# figure NAME SECONDS COMMAND...: the JSON lines that the command prints, or one that says how it failed
figure() {
  local name=$1 seconds=$2 from=$SECONDS left=$((${TOTAL:-520} - SECONDS)) code
  shift 2
  if [ $left -lt 15 ]; then
    say "{\"figure\": \"$name\", \"skipped\": \"no time left\"}"
    return
  fi
  [ "$seconds" -lt $left ] || seconds=$left
  timeout --kill-after=5 "$seconds" "$@" >"$work/said" 2>"$work/errors"
  code=$?
  grep '^{' "$work/said" | sed "s/^{/{\"figure\": \"$name\", /" | tee -a "$out"
  if [ $code != 0 ]; then
    failed=1
    say "{\"figure\": \"$name\", \"failed\": $code, \"seconds\": $((SECONDS - from))}"
    tail -n 15 "$work/said" "$work/errors" | cut -c1-300 >&2
  fi
}

if [ -d .gpu-pack/wheels ]; then
  $python -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target "$work/site" \
    .gpu-pack/wheels/*.whl && export PYTHONPATH=$PYTHONPATH:$work/site
fi
if [ -z "$model" ] && ls .gpu-pack/model/piece-* >/dev/null 2>&1; then
  cat .gpu-pack/model/piece-* >"$work/model.gguf"
  $python -m leadline.cli.main model import "$work/model.gguf" --out "$work/model" >&2 && model=$work/model
fi

figure machine 60 $python benchmarks/gpu/figures.py machine --device $device
if wants tests; then
  figure tests 170 $python benchmarks/gpu/figures.py tests --device $device
fi
if wants step; then
  steps=3
  [ $device = cuda ] || steps=1
  workloads="B A C Q M F"
  [ $device = cuda ] || workloads=B # the rest takes a CPU longer than nine minutes
  for workload in $workloads; do
    given=
    case $workload in M | F) given=${model:+--model $model} ;; esac
    figure step 75 $python benchmarks/step_vs_trl.py --workload "$workload" --pairs 1 --steps $steps --device $device $given
  done
fi
if wants sampler; then
  figure sampler 100 $python benchmarks/gpu/figures.py sampler --device $device ${model:+--model "$model"}
fi
if wants lead; then
  figure lead 125 $python benchmarks/gpu/figures.py lead --device $device ${model:+--model "$model"} --seconds 90
fi
exit $failed
