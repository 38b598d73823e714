"""Trains the demo model within a time budget: one process and one thread a core, gradients averaged every step."""

import multiprocessing
import random
import time
from pathlib import Path

import torch
import torch.distributed
from torch import nn
from transformers import WhisperForConditionalGeneration

from scripts.demo_model.model import TrainedModel, make_model
from scripts.demo_model.schedule import Run, draw_batch, learning_rate, load_material, loss_of
from scripts.demo_model.tokenizer import make_tokenizer, token_ids

AVERAGE_DECAY = 0.995
CHECKPOINT_SECONDS = 180
REPORT_STEPS = 25


class Worker:
    """One of the processes: its own windows, the same weights as the others."""

    def __init__(self, rank: int, run: Run) -> None:
        self.rank, self.run = rank, run
        torch.set_num_threads(1)
        torch.manual_seed(run.seed)
        self.material = load_material(run)
        self.model = TrainedModel(make_model(self.material.ids))
        for module in self.model.modules():
            if isinstance(module, nn.LayerNorm):
                # Else autocast would turn the same float32 output into bfloat16 once for each of its readers.
                module.register_forward_hook(lambda _module, _inputs, output: output.bfloat16())
        self.weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.average = [weight.detach().clone() for weight in self.weights]
        self.optimizer = torch.optim.AdamW(self.weights, betas=(0.9, 0.98), weight_decay=0.02, fused=True)
        self.step, self.progress, self.elapsed = 0, 0.0, 0.0
        if self.checkpoint.exists():
            self._resume()

    @property
    def checkpoint(self) -> Path:
        return self.run.folder / "checkpoint.pt"

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        self.step, self.elapsed = state["step"], state["elapsed"]
        self.progress = self.elapsed / (60 * self.run.minutes)
        self.optimizer.load_state_dict(state["optimizer"])
        for mine, kept in zip(self.weights, state["weights"], strict=True):
            mine.data.copy_(kept)
        self.average = state["average"]

    def _average_gradients(self) -> None:
        gradients = [weight.grad for weight in self.weights if weight.grad is not None]
        clock = torch.tensor([time.monotonic() - self.began])
        flat = torch.cat([gradient.flatten() for gradient in gradients] + [clock])
        torch.distributed.all_reduce(flat)
        flat /= self.run.processes
        flat[:-1] *= min(1.0, 1.0 / (float(flat[:-1].norm()) + 1e-6))
        self.progress = (self.elapsed + float(flat[-1])) / (60 * self.run.minutes)
        place = 0
        for gradient in gradients:
            gradient.copy_(flat[place : place + gradient.numel()].view_as(gradient))
            place += gradient.numel()

    def _advance(self, rng: random.Random) -> tuple[float, float]:
        batch = draw_batch(self.material, rng, random.Random(f"{self.run.seed}-{self.step}"), self.progress)
        loss, entropy, words = loss_of(self.model, batch, 1.0 if self.progress < 0.3 else 0.3)
        self.optimizer.zero_grad(set_to_none=False)
        torch.autograd.backward(loss)
        self._average_gradients()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.progress)
        self.optimizer.step()
        self.step += 1
        keep = min(AVERAGE_DECAY, self.step / (self.step + 10))
        torch._foreach_lerp_(self.average, [weight.data for weight in self.weights], 1 - keep)
        return entropy, words

    def _save(self) -> None:
        elapsed = self.elapsed + time.monotonic() - self.began
        state = {"step": self.step, "elapsed": elapsed, "optimizer": self.optimizer.state_dict()}
        state |= {"weights": [weight.data for weight in self.weights], "average": self.average}
        torch.save(state, self.checkpoint.with_suffix(".part"))
        self.checkpoint.with_suffix(".part").replace(self.checkpoint)

    def train(self) -> None:
        """Step until the time is up; the first process reports and keeps checkpoints."""
        rng = random.Random(f"windows-{self.run.seed}-{self.rank}-{self.step}")
        self.began = saved = time.monotonic()
        losses: list[tuple[float, float]] = []
        while self.progress < 1.0:
            losses.append(self._advance(rng))
            if self.rank == 0 and self.step % REPORT_STEPS == 0:
                entropy, words = (sum(part) / len(losses) for part in zip(*losses, strict=True))
                minutes = self.progress * self.run.minutes
                print(f"{minutes:6.1f} min  step {self.step:6d}  loss {entropy:.3f}  words {words:.3f}", flush=True)
                losses.clear()
            if self.rank == 0 and time.monotonic() - saved > CHECKPOINT_SECONDS:
                self._save()
                saved = time.monotonic()
        if self.rank == 0:
            self._save()


def _work(rank: int, run: Run) -> None:
    sync = f"file://{run.folder / 'rendezvous'}"
    torch.distributed.init_process_group("gloo", init_method=sync, rank=rank, world_size=run.processes)
    Worker(rank, run).train()
    torch.distributed.destroy_process_group()


def train(run: Run) -> None:
    """Train, or go on from the checkpoint in the run's folder."""
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / "rendezvous").unlink(missing_ok=True)
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_work, args=(rank, run)) for rank in range(run.processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise SystemExit("a training process failed; its message is above")


def trained(run: Run) -> WhisperForConditionalGeneration:
    """The model with the averaged weights of the run's checkpoint."""
    ids = token_ids(make_tokenizer(run.seed))
    model = TrainedModel(make_model(ids))
    state = torch.load(run.folder / "checkpoint.pt", weights_only=True)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    for mine, kept in zip(weights, state["average"], strict=True):
        mine.data.copy_(kept)
    return model.whisper.eval()
