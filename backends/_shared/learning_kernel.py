"""Learning inside the kernel: STDP events and the modulated sum of traces, evaluated once per tick.

The exact fast form of the step-by-step sum: with psi_c(m) = A_c rho_c^m since the origin of a tick and prefix sums
K_c[b, m] = K_c[b, m-1] + dt rho_c^m gate_b[m] rate[m], an event of size q at step m adds a = kappa_c q rho_c^-m to A_c
and -a K_c[b, m-1] to the pending sum; at the tick, pending + sum_c A_c K_c[b, end] is the whole integral. No synapse is
touched but at its events and once per tick.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import jit
from .keyed import entity_key, uniform
from .rules import F, N

A_PLUS, A_MINUS, TAU_PLUS, TAU_MINUS = N["A_plus"], N["A_minus"], N["tau_plus"], N["tau_minus"]
TAU_FAST, TAU_SLOW, KAPPA_FAST, KAPPA_SLOW = N["tau_fast"], N["tau_slow"], N["kappa_fast"], N["kappa_slow"]
ETA_L, ETA_G, LAMBDA_A, BETA_P, THETA_P = N["eta_l"], N["eta_g"], N["lambda_a"], N["beta_p"], N["theta_p"]
W_MIN, W_MAX, SLOPE, RATE = N["w_min"], N["w_max"], N["attention_slope"], N["attention_rate"]
GLOBAL_SLOPE, GLOBAL_RATE, GLOBAL_TAU = N["global_slope"], N["global_rate"], N["global_tau"]
TICK, BLOCK, X_BLOCK, Y_BLOCK = F["tick_steps"], F["block_steps"], F["x_block"], F["y_block"]
DENDRITIC, NEAREST, TIE = F["dendritic"], F["nearest"], F["tie"]
GATE_UPDATE, GATE_PAIRING, OSCILLATOR = F["gate_update"], F["gate_pairing"], F["oscillator"]
PROBABILISTIC, CARRY, ATTENTION, COSINE = F["probabilistic"], F["carry"], F["attention"], F["cosine"]
SIMPLEX, GLOBAL, GLOBAL_SIMPLEX, HAS_META = F["simplex"], F["global_attention"], F["global_simplex"], F["has_meta"]
N_POST_DELAYS = F["n_post_delays"]
PSI_CLOCK, X_CLOCK, Y_CLOCK, TICK_CLOCK, TICK_NUMBER = 0, 1, 2, 3, 4


@jit
def observe(r, rules, learn, state, dt):
    """Advance a rule's clocks to the end of the step and read its modulators and gate there."""
    for k in range(4):
        learn.clock[r, k] += 1
    level = 0.0
    for k in range(rules.modulator_ptr[r], rules.modulator_ptr[r + 1]):
        m = rules.modulator[k]
        level += learn.gamma[k] * rules.modulator_weight[k] * (state.tonic[m] + state.phasic[m])
    learn.level[r] = level
    oscillator = rules.flags[r, OSCILLATOR]
    if oscillator >= 0:
        cos_phi, sin_phi = math.cos(state.phi[oscillator]), math.sin(state.phi[oscillator])
        gate, bin_cos, bin_sin = learn.gate, rules.bin_cos, rules.bin_sin
        for b in range(np.uint64(rules.bin_ptr[r]), np.uint64(rules.bin_ptr[r + 1])):
            gate[b] = max(0.0, cos_phi * bin_cos[b] + sin_phi * bin_sin[b])


@jit
def weigh_bins(r, rules, learn, c_fast, c_slow):
    """For each phase in use, work out what an event of size 1 takes back from the pending sums, and its gate."""
    gated, meta = rules.flags[r, GATE_PAIRING], rules.flags[r, HAS_META]
    for b in range(np.uint64(rules.bin_ptr[r]), np.uint64(rules.bin_ptr[r + 1])):
        learn.scale[b] = learn.gate[b] if gated else 1.0
        learn.cut[b] = c_fast * learn.sums[0, b] + c_slow * learn.sums[1, b]
        learn.cut_meta[b] = c_fast * learn.sums[2, b] + c_slow * learn.sums[3, b] if meta else 0.0


@jit
def pair(trace, s, q, c_fast, c_slow, cut, cut_meta):
    """Add an STDP event of size q to a synapse's traces."""
    trace[s, 0] += c_fast * q
    trace[s, 1] += c_slow * q
    trace[s, 2] -= cut * q
    trace[s, 3] -= cut_meta * q


@jit
def one_phase(r, rules):
    """Return whether all synapses of a rule have the same phase (or there is no gate)."""
    return rules.bin_ptr[r + 1] - rules.bin_ptr[r] == 1


@jit
def bin_of(s, r, rules):
    """Return the place of a synapse's phase among all phases in use."""
    first = rules.bin_ptr[r]
    return first if one_phase(r, rules) else first + rules.bin[rules.bin_start[r] + s]


@jit
def potentiate(r, row, rules, learn, syn, spikes, c_fast, c_slow, factor):
    """Post events: every synapse of the neurons whose delayed spike arrives now; returns their number."""
    group, n_groups, n_delays = syn.target[rules.projection[r]], spikes.n_groups, rules.flags[r, N_POST_DELAYS]
    first = np.uint64(rules.bin_ptr[r])
    trace, x, synapse, x_index = learn.trace, learn.x, rules.post_synapse, rules.post_x
    count = 0
    for d in range(n_delays):
        k = row - rules.delays[rules.delay_ptr[r] + d]
        for e in range(spikes.offset[k * n_groups + group], spikes.offset[k * n_groups + group + 1]):
            place = rules.post_ptr_start[r] + spikes.member[e] * n_delays + d
            a, b = rules.post_ptr[place], rules.post_ptr[place + 1]
            count += b - a
            if one_phase(r, rules):
                up, cut, cut_meta = factor * learn.scale[first], learn.cut[first], learn.cut_meta[first]
                for p in range(np.uint64(a), np.uint64(b)):
                    pair(trace, synapse[p], up * x[x_index[p]], c_fast, c_slow, cut, cut_meta)
            else:
                shift = np.uint64(rules.bin_start[r])
                for p in range(np.uint64(a), np.uint64(b)):
                    z = first + np.uint64(rules.post_bin[shift + p])
                    up = factor * learn.scale[z] * x[x_index[p]]
                    pair(trace, synapse[p], up, c_fast, c_slow, learn.cut[z], learn.cut_meta[z])
    return count


@jit
def depress(r, row, rules, learn, syn, spikes, c_fast, c_slow, factor):
    """Pre events: every synapse that a spike reaches now; returns their number."""
    j = rules.projection[r]
    group, n_groups, n_delays = syn.source[j], spikes.n_groups, syn.n_delays[j]
    first, dendritic = np.uint64(rules.bin_ptr[r]), rules.flags[r, DENDRITIC]
    moved = rules.syn_start[r] - rules.first_synapse[r]
    trace, y, y_index = learn.trace, learn.y, rules.y_index
    count = 0
    for d in range(1 if dendritic else n_delays):
        k = row if dendritic else row - syn.delays[syn.delay_ptr[j] + d]
        for e in range(spikes.offset[k * n_groups + group], spikes.offset[k * n_groups + group + 1]):
            place = syn.row_ptr_start[j] + np.int64(spikes.member[e]) * n_delays + d
            a, b = syn.row_ptr[place] + moved, syn.row_ptr[place + (n_delays if dendritic else 1)] + moved
            count += b - a
            if one_phase(r, rules):
                down, cut, cut_meta = factor * learn.scale[first], learn.cut[first], learn.cut_meta[first]
                for s in range(np.uint64(a), np.uint64(b)):
                    pair(trace, s, down * y[y_index[s]], c_fast, c_slow, cut, cut_meta)
            else:
                shift = np.uint64(rules.bin_start[r])
                for s in range(np.uint64(a), np.uint64(b)):
                    z = first + np.uint64(rules.bin[shift + s])
                    down = factor * learn.scale[z] * y[y_index[s]]
                    pair(trace, s, down, c_fast, c_slow, learn.cut[z], learn.cut_meta[z])
    return count


@jit
def move_x(r, row, rules, learn, syn, spikes, size):
    """Let pre arrivals of now act on trace x."""
    j = rules.projection[r]
    group, n_groups = syn.source[j], spikes.n_groups
    dendritic, nearest = rules.flags[r, DENDRITIC], rules.flags[r, NEAREST]
    n_delays = 1 if dendritic else syn.n_delays[j]
    for d in range(n_delays):
        k = row if dendritic else row - syn.delays[syn.delay_ptr[j] + d]
        for e in range(spikes.offset[k * n_groups + group], spikes.offset[k * n_groups + group + 1]):
            place = rules.x_start[r] + np.int64(spikes.member[e]) * n_delays + d
            learn.x[place] = size if nearest else learn.x[place] + size


@jit
def move_y(r, row, rules, learn, syn, spikes, size):
    """Let own spikes, delayed where delays are dendritic, act on trace y."""
    group, n_groups = syn.target[rules.projection[r]], spikes.n_groups
    nearest, n_delays = rules.flags[r, NEAREST], rules.flags[r, N_POST_DELAYS]
    for d in range(n_delays):
        k = row - rules.delays[rules.delay_ptr[r] + d]
        for e in range(spikes.offset[k * n_groups + group], spikes.offset[k * n_groups + group + 1]):
            place = rules.y_start[r] + np.int64(spikes.member[e]) * n_delays + d
            learn.y[place] = size if nearest else learn.y[place] + size


@jit
def events(r, row, rules, learn, syn, spikes, dt):
    """Handle the STDP events at the end of a step, in the order that the rule's tie asks for; returns pairings."""
    number = rules.numbers[r]
    m = learn.clock[r, PSI_CLOCK] * dt
    c_fast = number[KAPPA_FAST] * math.exp(m / number[TAU_FAST])
    c_slow = number[KAPPA_SLOW] * math.exp(m / number[TAU_SLOW])
    x_scale = math.exp(-learn.clock[r, X_CLOCK] * dt / number[TAU_PLUS])
    y_scale = math.exp(-learn.clock[r, Y_CLOCK] * dt / number[TAU_MINUS])
    up, down = number[A_PLUS] * x_scale, number[A_MINUS] * y_scale
    weigh_bins(r, rules, learn, c_fast, c_slow)
    tie = rules.flags[r, TIE]
    if tie == 1:
        move_x(r, row, rules, learn, syn, spikes, 1.0 / x_scale)
    count = potentiate(r, row, rules, learn, syn, spikes, c_fast, c_slow, up)
    if tie == 2:
        move_y(r, row, rules, learn, syn, spikes, 1.0 / y_scale)
    count += depress(r, row, rules, learn, syn, spikes, c_fast, c_slow, down)
    if tie != 1:
        move_x(r, row, rules, learn, syn, spikes, 1.0 / x_scale)
    if tie != 2:
        move_y(r, row, rules, learn, syn, spikes, 1.0 / y_scale)
    return count


@jit
def accumulate(r, rules, learn, dt):
    """Add this step to the prefix sums, and rescale traces whose factors have grown."""
    number = rules.numbers[r]
    m = learn.clock[r, PSI_CLOCK] * dt
    fast = 1e-3 * dt * math.exp(-m / number[TAU_FAST])
    slow = 1e-3 * dt * math.exp(-m / number[TAU_SLOW])
    rate = number[ETA_L] + number[ETA_G] * learn.level[r]
    fast_rate, slow_rate = fast * rate, slow * rate
    gated, gates, sums = rules.flags[r, GATE_UPDATE], learn.gate, learn.sums
    for b in range(np.uint64(rules.bin_ptr[r]), np.uint64(rules.bin_ptr[r + 1])):
        gate = gates[b] if gated else 1.0
        sums[0, b] += fast_rate * gate
        sums[1, b] += slow_rate * gate
        sums[2, b] += fast * gate
        sums[3, b] += slow * gate
    if learn.clock[r, X_CLOCK] >= rules.flags[r, X_BLOCK]:
        scale = math.exp(-learn.clock[r, X_CLOCK] * dt / number[TAU_PLUS])
        for k in range(rules.x_start[r], rules.x_start[r + 1]):
            learn.x[k] *= scale
        learn.clock[r, X_CLOCK] = 0
    if learn.clock[r, Y_CLOCK] >= rules.flags[r, Y_BLOCK]:
        scale = math.exp(-learn.clock[r, Y_CLOCK] * dt / number[TAU_MINUS])
        for k in range(rules.y_start[r], rules.y_start[r + 1]):
            learn.y[k] *= scale
        learn.clock[r, Y_CLOCK] = 0


@jit
def pending(s, r, rules, learn, syn):
    """Return the pending update of a synapse up to now."""
    b, trace, sums = bin_of(s, r, rules), learn.trace, learn.sums
    total = trace[s, 2] + trace[s, 0] * sums[0, b] + trace[s, 1] * sums[1, b]
    if rules.flags[r, HAS_META]:
        whole = trace[s, 3] + trace[s, 0] * sums[2, b] + trace[s, 1] * sums[3, b]
        m = learn.meta[r, syn.territory[rules.meta_start[r] + s]]
        total += rules.numbers[r, ETA_G] * rules.numbers[r, LAMBDA_A] * m * whole
    return learn.carried[s] + learn.alpha[s] * total


@jit
def new_origin(r, s, learn, fast, slow):
    """Move the origin of a synapse's traces to now."""
    learn.trace[s, 0] *= fast
    learn.trace[s, 1] *= slow
    learn.trace[s, 2] = 0.0
    learn.trace[s, 3] = 0.0


@jit
def clear_sums(r, rules, learn):
    """Start the prefix sums anew."""
    for b in range(rules.bin_ptr[r], rules.bin_ptr[r + 1]):
        for k in range(4):
            learn.sums[k, b] = 0.0


@jit
def end_block(r, rules, learn, syn, dt):
    """Cut the evaluation inside a long tick: collect what is pending, move the origin."""
    m = learn.clock[r, PSI_CLOCK] * dt
    fast, slow = math.exp(-m / rules.numbers[r, TAU_FAST]), math.exp(-m / rules.numbers[r, TAU_SLOW])
    for s in range(rules.syn_start[r], rules.syn_start[r + 1]):
        learn.carried[s] = pending(s, r, rules, learn, syn)
        new_origin(r, s, learn, fast, slow)
    learn.clock[r, PSI_CLOCK] = 0
    clear_sums(r, rules, learn)


def make_tick(write):
    """Return the tick with a way to write weights.

    Parameters
    ----------
    write : jitted callable (rule, synapse, weight, change, w_min, w_max, custom) -> weight

    Returns
    -------
    jitted callable
    """

    @jit
    def tick(r, rules, learn, syn, state, dt, custom):
        """Apply or reject the pending updates of a rule; returns their numbers (0 is no update)."""
        number = rules.numbers[r]
        m = learn.clock[r, PSI_CLOCK] * dt
        fast, slow = math.exp(-m / number[TAU_FAST]), math.exp(-m / number[TAU_SLOW])
        tick_number = learn.clock[r, TICK_NUMBER]
        beta, theta, low, high = number[BETA_P], number[THETA_P], number[W_MIN], number[W_MAX]
        probabilistic, carry = rules.flags[r, PROBABILISTIC], rules.flags[r, CARRY]
        key, first = rules.apply_key[r], rules.syn_start[r]
        applied, rejected, closest = 0, 0, state.margin[0]
        for s in range(first, rules.syn_start[r + 1]):
            change = pending(s, r, rules, learn, syn)
            new_origin(r, s, learn, fast, slow)
            learn.carried[s] = 0.0
            if change == 0.0:
                continue
            if probabilistic:
                p = 1.0 / (1.0 + math.exp(-beta * (abs(change) - theta)))
                u = uniform(entity_key(key, s - first), tick_number)
                closest = min(closest, abs(u - p))
                if u >= p:
                    rejected += 1
                    if carry:
                        learn.carried[s] = change
                    continue
            applied += 1
            learn.weight[s] = write(r, s, learn.weight[s], change, low, high, custom)
        state.margin[0] = closest
        clear_sums(r, rules, learn)
        learn.clock[r, PSI_CLOCK] = 0
        learn.clock[r, TICK_CLOCK] = 0
        learn.clock[r, TICK_NUMBER] += 1
        return applied, rejected

    return tick


@jit
def write_exactly(r, s, weight, change, low, high, custom):
    """Write a weight as it is meant: the sum, within bounds."""
    return min(max(weight + change, low), high)
