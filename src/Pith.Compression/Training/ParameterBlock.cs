using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Pith.Kernels;
using Pith.Kernels.Simd;

namespace Pith.Compression.Training;

/// <summary>
/// Neighbouring elements of a parameter, few enough to stay in a core's cache: gradient mask, optimiser, weight mask and moving average read and write memory once. Blocks do not depend on the number of threads, nor does anything
/// that is summed over them.
/// </summary>
internal sealed class ParameterBlock
{
    /// <summary>Elements of a block at most; a multiple of the 64 that a word of a mask covers.</summary>
    public const int Elements = 8192;

    private readonly TrainedParameter _parameter;
    private readonly int _first;
    private readonly int _length;
    private readonly Memory<float>[] _slots;

    /// <param name="parameter">The parameter.</param>
    /// <param name="first">The first element.</param>
    /// <param name="length">How many there are.</param>
    public ParameterBlock(TrainedParameter parameter, int first, int length)
    {
        (_parameter, _first, _length) = (parameter, first, length);
        _slots = Array.ConvertAll(parameter.Slots, slot => slot.AsMemory(first, length));
    }

    /// <summary>The sum of the gradient's squares, pruned weights left out, in double and in an order that is the same on every machine; NaN or infinite when an element is.</summary>
    public double SumOfSquares(EngineContext context)
    {
        var buffer = MaskedGradient(context, out var gradient);
        var sum = SumOfSquares(gradient);
        Return(buffer);
        return sum;
    }

    /// <summary>Changes the value by one step, keeps it, and all state, zero where it is pruned, and moves the average.</summary>
    /// <param name="context">Holds values and gradients.</param>
    /// <param name="optimizer">The rule.</param>
    /// <param name="step">Its constants; the weight decay is the parameter's own.</param>
    /// <param name="averageShare">The share of the value in its moving average.</param>
    public void Update(EngineContext context, Optimizer optimizer, UpdateStep step, float averageShare)
    {
        var weights = context.Input<float>(_parameter.Input).Slice(_first, _length);
        var buffer = MaskedGradient(context, out var gradient);
        optimizer.Update(weights, gradient, _slots, step with { WeightDecay = _parameter.WeightDecay });
        Return(buffer);
        if (_parameter.Least is { } least)
            for (var i = 0; i < weights.Length; i++) weights[i] = Math.Max(weights[i], least[_first + i]);
        if (_parameter.Mask is { } mask)
        {
            mask.Copy(weights, weights, _first);
            foreach (var slot in _slots) mask.Copy(slot.Span, slot.Span, _first);
        }
        if (_parameter.Average is { } average) MovingAverageFp32.Update(average.AsSpan(_first, _length), weights, averageShare, Isa.Current);
    }

    /// <summary>The gradient, zero where the weight is pruned.</summary>
    /// <returns>The buffer that holds it, to be returned; null when it lies where the engine wrote it.</returns>
    private float[]? MaskedGradient(EngineContext context, out ReadOnlySpan<float> gradient)
    {
        gradient = _parameter.GradientOf(context).Slice(_first, _length);
        if (_parameter.Mask is not { } mask) return null;
        var buffer = ArrayPool<float>.Shared.Rent(_length);
        mask.Copy(gradient, buffer, _first);
        gradient = buffer.AsSpan(0, _length);
        return buffer;
    }

    private static void Return(float[]? buffer)
    {
        if (buffer is not null) ArrayPool<float>.Shared.Return(buffer);
    }

    // Sixteen sums side by side, then their sum.
    private static double SumOfSquares(ReadOnlySpan<float> gradient)
    {
        Vector512<double> lower = default, upper = default;
        var vectors = MemoryMarshal.Cast<float, Vector512<float>>(gradient);
        foreach (var vector in vectors)
        {
            var (low, high) = Vector512.Widen(vector);
            lower = Vector512.FusedMultiplyAdd(low, low, lower);
            upper = Vector512.FusedMultiplyAdd(high, high, upper);
        }
        var sum = 0.0;
        for (var lane = 0; lane < Vector512<double>.Count; lane++) sum += lower[lane] + upper[lane];
        foreach (var g in gradient[(vectors.Length * Vector512<float>.Count)..]) sum += (double)g * g;
        return sum;
    }
}
