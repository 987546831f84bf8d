namespace Pith.Benchmarking;

/// <summary>One timed query.</summary>
/// <param name="Block">Which block of its target's runs it belongs to; blocks of equal number of several targets ran one after the other.</param>
/// <param name="Stream">Which of the target's streams answered it, from 0.</param>
/// <param name="StartSeconds">When it began, since the beginning of the benchmark.</param>
/// <param name="Seconds">How long it took.</param>
public readonly record struct BenchmarkSample(int Block, int Stream, double StartSeconds, double Seconds);
