/*
 * The only source of chance in the simulator: SplitMix64 (Steele, Lea, Flood
 * 2014).  Each part of a cluster has a stream of its own, derived from the seed,
 * so that a change in one part does not reshuffle all others.
 */
#ifndef TESTS_SIM_RNG_H
#define TESTS_SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t
rng_mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (z ^ z >> 31);
}

static inline void
rng_init(struct rng *rng, uint64_t seed, uint64_t stream)
{
	rng->state = rng_mix(seed * 0x9e3779b97f4a7c15ULL + rng_mix(stream + 1));
}

static inline uint64_t
rng_next(struct rng *rng)
{
	return (rng_mix(rng->state += 0x9e3779b97f4a7c15ULL));
}

/* 0 to n - 1. */
static inline uint64_t
rng_below(struct rng *rng, uint64_t n)
{
	return (n == 0 ? 0 : (uint64_t)(((unsigned __int128)rng_next(rng) * n) >> 64));
}

/* low to high, both possible. */
static inline int64_t
rng_range(struct rng *rng, int64_t low, int64_t high)
{
	return (low + (int64_t)rng_below(rng, (uint64_t)(high - low + 1)));
}

/* True in so many of a million cases. */
static inline bool
rng_chance(struct rng *rng, uint32_t ppm)
{
	return (ppm > 0 && rng_below(rng, 1000000) < ppm);
}

#endif
