#!/bin/bash
#SBATCH --job-name=nlseg
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-task=4
#SBATCH --cpus-per-task=32
#SBATCH --time=12:00:00

# usage: sbatch slurm.sh BUNDLE INPUT OUTPUT, all on storage that every node has mounted
set -eu
source "$HOME/nlseg/bin/activate"
export RAY_USAGE_STATS_ENABLED=0 RAY_AUTH_MODE=token
ray get-auth-token --generate > /dev/null # ~/.ray/auth_token, in the home that the nodes share

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}')

# Starts Ray on each node, waits for all of them, runs the command on the first, and stops Ray.
srun --kill-on-bad-exit=0 ray symmetric-run --address "$address:6379" --min-nodes "$SLURM_NNODES" \
    --num-cpus "$SLURM_CPUS_PER_TASK" --num-gpus "$SLURM_GPUS_PER_TASK" -- \
    nlseg infer --bundle "$1" --input "$2" --output "$3" --runner ray --address auto --gpus-per-worker 1
