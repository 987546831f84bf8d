namespace Pith.Compression.Reconstruction;

/// <summary>
/// Chooses the integers of an output channel so that the layer's error, not that of the weights, is small: rounding with error feedback (OPTQ/GPTQ, Frantar et al. 2022), then single steps up or down as long as one helps.
/// The latter is coordinate descent on the quadratic problem that AdaRound (Nagel et al. 2020, eq. 13) relaxes, and is not limited to the two nearest integers.
/// </summary>
internal static class RoundingSolver
{
    private const int MaxSweeps = 20;

    /// <summary>Quantizes one row.</summary>
    /// <param name="layer">The problem.</param>
    /// <param name="row">The output channel.</param>
    /// <param name="scale">The size of a step.</param>
    /// <param name="largest">The largest integer: 127, or 63.</param>
    /// <param name="kept">Which columns may be other than 0; empty: all.</param>
    /// <param name="weights">Receives whole multiples of <paramref name="scale"/>.</param>
    /// <returns>The remaining <c>(W - T) A (W - T)^T</c>.</returns>
    public static double Solve(RegularizedLayer layer, int row, float scale, int largest, ReadOnlySpan<bool> kept, Span<float> weights)
    {
        var target = layer.TargetOf(row);
        var n = target.Length;
        // The solution by feedback, and plain rounding: descent from the better one.
        var steps = new float[n];
        var errors = new float[n];
        Feedback(layer.Factor, target, scale, largest, kept, steps);
        var byFeedback = Descend(layer, target, scale, largest, kept, steps, errors);
        var nearest = new float[n];
        for (var j = 0; j < n; j++) nearest[j] = kept.IsEmpty || kept[j] ? Nearest(target[j], scale, largest) : 0;
        var byRounding = Descend(layer, target, scale, largest, kept, nearest, errors);
        if (byRounding < byFeedback) steps = nearest;
        for (var j = 0; j < n; j++) weights[j] = steps[j] * scale;
        return Math.Min(byFeedback, byRounding);
    }

    private static void Feedback(FeedbackFactor factor, ReadOnlySpan<float> target, float scale, int largest, ReadOnlySpan<bool> kept, Span<float> steps)
    {
        var wanted = new float[target.Length];
        target.CopyTo(wanted);
        for (var j = 0; j < steps.Length; j++)
        {
            steps[j] = kept.IsEmpty || kept[j] ? Nearest(wanted[j], scale, largest) : 0;
            VectorLoops.AddScaled(wanted.AsSpan(j + 1), factor.After(j), target[j] - steps[j] * scale);
        }
    }

    /// <summary>Takes single steps while one lowers the error; <paramref name="steps"/> is the start and the result.</summary>
    private static double Descend(RegularizedLayer layer, ReadOnlySpan<float> target, float scale, int largest, ReadOnlySpan<bool> kept, float[] steps, float[] errors)
    {
        var n = steps.Length;
        var gradient = new float[n];
        for (var j = 0; j < n; j++)
        {
            errors[j] = steps[j] * scale - target[j];
            VectorLoops.AddScaled(gradient, layer.Row(j), errors[j]);
        }
        for (var sweep = 0; sweep < MaxSweeps; sweep++)
        {
            var changed = false;
            for (var j = 0; j < n; j++)
            {
                if (!kept.IsEmpty && !kept[j]) continue;
                var step = gradient[j] > 0 ? -scale : scale;
                // Of a step d the error changes by 2 d g + d^2 A[j, j]; a hair more than rounding is asked for, so that the descent ends.
                var curvature = layer.Row(j)[j];
                if (Math.Abs(gradient[j]) * 2 <= scale * curvature * 1.0001f || Math.Abs(steps[j] + MathF.Sign(step)) > largest) continue;
                steps[j] += MathF.Sign(step);
                errors[j] += step;
                VectorLoops.AddScaled(gradient, layer.Row(j), step);
                changed = true;
            }
            if (!changed) break;
        }
        double error = 0;
        for (var j = 0; j < n; j++) error += (double)errors[j] * gradient[j];
        return error;
    }

    /// <summary>The integer whose step lies nearest to a value.</summary>
    public static float Nearest(float value, float scale, int largest) => Math.Clamp(MathF.Round(value / scale), -largest, largest);
}
