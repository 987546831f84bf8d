using System.Runtime.Intrinsics;

namespace Pith.Compression.Quantization;

/// <summary>
/// Chooses activation ranges by what counts: the error at the network's outputs when this tensor alone is quantized. A calibrator sees the tensor only; how much clipping hurts, compared with coarse steps, depends on what
/// the network makes of it (the first convolution of a MobileNetV2 is far more sensitive to clipping than its squared error says). Errors of tensors add up, so each is chosen by itself; the ranges that a calibrator chose are
/// the start, and only the tensors that cause most of the error are searched.
/// </summary>
internal sealed class RangeSearch
{
    // Tensors that cause this share of all error together are searched.
    private const double Share = 0.97;

    // Another range must be this much better: less is chance.
    private const double Gain = 0.98;

    private static readonly double[] s_steps = [1.3, 1.1];

    private readonly Graph _graph;
    private readonly GraphCursor _cursor;
    private readonly QuantizationSettings _settings;
    private readonly IReadOnlyDictionary<string, Tensor[]> _reference;

    private RangeSearch(Graph graph, QuantizationSettings settings, CalibrationImages images, int threads)
    {
        (_graph, _settings) = (graph, settings);
        _cursor = new GraphCursor(graph, images, threads);
        _reference = _cursor.Compute([.. graph.Outputs]);
    }

    /// <summary>Better ranges.</summary>
    /// <param name="graph">The float network; not changed.</param>
    /// <param name="ranges">The calibrator's choice, by tensor name.</param>
    /// <param name="settings">Those of the quantization.</param>
    /// <param name="images">What to measure on.</param>
    /// <param name="threads">Threads of a run; no result depends on it.</param>
    /// <param name="events">Receives <see cref="ProgressMade"/>.</param>
    /// <returns>Parameters by tensor name; those that were not searched as they were.</returns>
    /// <exception cref="PithException">The network cannot be run.</exception>
    public static IReadOnlyDictionary<string, QuantizationParameters> Apply(Graph graph, IReadOnlyDictionary<string, QuantizationParameters> ranges, QuantizationSettings settings, CalibrationImages images, int threads, IProgress<PithEvent>? events)
    {
        var placement = QdqPlacement.Find(graph, settings);
        var chosen = new Dictionary<string, QuantizationParameters>(ranges, StringComparer.Ordinal);
        // A scale that several tensors share is not searched: what is measured here is one tensor.
        QuantizedTensor[] tensors = [.. placement.Activations.GroupBy(tensor => tensor.Group).Where(group => group.Count() == 1).Select(group => group.Single()).Where(tensor => tensor.Value.Type.DataType == DataType.Float32 && tensor.Uses.Count > 0)];
        var errors = new double[tensors.Length];
        var first = new RangeSearch(graph, settings, images, threads);
        for (var i = 0; i < tensors.Length; i++)
        {
            events?.Report(new ProgressMade("measure ranges", i, tensors.Length));
            using var trial = first.TrialOf(tensors[i]);
            errors[i] = trial.ErrorOf(chosen[tensors[i].Value.Name]);
        }
        var searched = Searched(errors);
        var second = new RangeSearch(graph, settings, images, threads);
        for (var i = 0; i < tensors.Length; i++)
        {
            if (!searched.Contains(i)) continue;
            events?.Report(new ProgressMade("choose ranges", i, tensors.Length));
            using var trial = second.TrialOf(tensors[i]);
            chosen[tensors[i].Value.Name] = second.Search(trial, tensors[i], chosen[tensors[i].Value.Name], errors[i]);
        }
        events?.Report(new ProgressMade("choose ranges", tensors.Length, tensors.Length));
        return chosen;
    }

    /// <summary>The tensors with the largest errors, up to the share of the sum.</summary>
    private static HashSet<int> Searched(double[] errors)
    {
        var (sum, rest) = (0.0, errors.Where(double.IsFinite).Sum() * Share);
        var searched = new HashSet<int>();
        foreach (var i in Enumerable.Range(0, errors.Length).OrderByDescending(i => errors[i]).ThenBy(i => i))
        {
            if (sum >= rest) break;
            searched.Add(i);
            if (double.IsFinite(errors[i])) sum += errors[i];
        }
        return searched;
    }

    /// <summary>Larger or smaller steps of the scale as long as they help, then finer ones.</summary>
    private QuantizationParameters Search(Trial trial, QuantizedTensor tensor, QuantizationParameters start, double error)
    {
        var (best, smallest) = (start, error);
        var mayGrow = !(_settings.Target.RangesImplyClips && tensor.Value.Producer?.Op is Ops.Clip);
        foreach (var step in s_steps)
        {
            if (mayGrow && Walk(step)) continue;
            Walk(1 / step);
        }
        return smallest < error * Gain ? best : start;

        // Whether the first step helped.
        bool Walk(double factor)
        {
            var moved = false;
            while (true)
            {
                var scale = (float)(best.Scales[0] * factor);
                if (!_settings.ExactScales) scale = ShortScale.RoundToNearest(scale);
                if (scale == best.Scales[0] || scale <= QuantizationParameters.SmallestAmax || !float.IsFinite(scale)) return moved;
                var next = best.WithScale(scale);
                var found = trial.ErrorOf(next);
                if (!(found < smallest)) return moved;
                (best, smallest, moved) = (next, found, true);
            }
        }
    }

    private Trial TrialOf(QuantizedTensor tensor)
    {
        _cursor.MoveTo(tensor.Uses.Select(use => use.Node).MinBy(node => _cursor.PositionOf(node))!);
        var variant = _graph.Clone();
        var quantized = variant.AddInput($"{tensor.Value.Name}/trial", tensor.Value.Type);
        var nodes = variant.Nodes.ToDictionary(node => node.Name, StringComparer.Ordinal);
        foreach (var use in tensor.Uses) variant.ReplaceInput(nodes[use.Node.Name], use.Index, quantized);
        var outputs = variant.Outputs.Select((output, i) => (output.Name, Expected: _reference[_graph.Outputs[i].Name])).ToArray();
        return new Trial(_cursor.PartFor(variant, [.. variant.Outputs]), quantized.Name, _cursor.Compute([tensor.Value])[tensor.Value.Name], outputs);
    }

    /// <summary>The rest of the network from one tensor on, which can be given with any quantization.</summary>
    private sealed class Trial(NetworkPart part, string input, Tensor[] values, (string Name, Tensor[] Expected)[] outputs) : IDisposable
    {
        public double ErrorOf(QuantizationParameters parameters)
        {
            var quantized = Array.ConvertAll(values, Tensor (tensor) => Quantized(tensor.As<float>(), parameters));
            var results = part.Run(new Dictionary<string, Tensor[]> { [input] = quantized });
            var sum = outputs.Sum(output => OutputError.Relative(output.Expected, results[output.Name]));
            return double.IsFinite(sum) ? sum / outputs.Length : double.PositiveInfinity;
        }

        public void Dispose() => part.Dispose();

        private static Tensor<float> Quantized(Tensor<float> tensor, QuantizationParameters parameters)
        {
            var (scale, zeroPoint) = (parameters.Scales[0], parameters.ZeroPoints[0]);
            var (smallest, largest) = parameters.DataType == DataType.UInt8 ? (0 - zeroPoint, 255 - zeroPoint) : (-128 - zeroPoint, 127 - zeroPoint);
            var result = Tensor.Zeros<float>(tensor.Shape);
            var (steps, low, high) = (Vector512.Create(scale), Vector512.Create((float)smallest), Vector512.Create((float)largest));
            var i = 0;
            for (; i <= tensor.Length - Vector512<float>.Count; i += Vector512<float>.Count)
                (Vector512.Min(Vector512.Max(Vector512.Round(Vector512.Create(tensor.Data.AsSpan(i)) / steps), low), high) * steps).CopyTo(result.Data.AsSpan(i));
            for (; i < tensor.Length; i++) result.Data[i] = Math.Clamp(MathF.Round(tensor.Data[i] / scale), smallest, largest) * scale;
            return result;
        }
    }
}
