using System.Runtime.Intrinsics;
using Pith.Compression.Evaluation;

namespace Pith.Compression.Quantization;

/// <summary>
/// Chooses activation ranges by what counts: the error at the network's outputs when this tensor alone is quantized. A calibrator sees the tensor only; how much clipping hurts, compared with coarse steps, depends on what
/// the network makes of it (the first convolution of a MobileNetV2 is far more sensitive to clipping than its squared error says). Each range is searched with this tensor alone quantized, from what the calibrator chose,
/// for the tensors that cause most of the error; it is taken where it also helps with all activations quantized.
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
    private readonly ExpectedOutputs _expected;

    private RangeSearch(Graph graph, QuantizationSettings settings, CalibrationImages images, int threads)
    {
        (_graph, _settings) = (graph, settings);
        _cursor = new GraphCursor(graph, images, threads);
        var outputs = _cursor.Compute([.. graph.Outputs]);
        _expected = new ExpectedOutputs(graph.Outputs.Select(output => outputs[output.Name]));
    }

    /// <summary>Better ranges.</summary>
    /// <param name="graph">The float network; not changed.</param>
    /// <param name="ranges">The calibrator's choice, by tensor name.</param>
    /// <param name="settings">Those of the quantization.</param>
    /// <param name="images">What to measure on.</param>
    /// <param name="threads">Threads of a run; no result depends on it.</param>
    /// <param name="events">Receives <see cref="ProgressMade"/>.</param>
    /// <param name="cancellation">Stops between two trials.</param>
    /// <returns>Parameters by tensor name; those that were not searched as they were.</returns>
    /// <exception cref="PithException">The network cannot be run.</exception>
    public static IReadOnlyDictionary<string, QuantizationParameters> Apply(Graph graph, IReadOnlyDictionary<string, QuantizationParameters> ranges, QuantizationSettings settings, CalibrationImages images, int threads, IProgress<PithEvent>? events, CancellationToken cancellation = default)
    {
        var placement = QdqPlacement.Find(graph, settings);
        var chosen = new Dictionary<string, QuantizationParameters>(ranges, StringComparer.Ordinal);
        var first = new RangeSearch(graph, settings, images, threads);
        // A scale that several tensors share is not searched: what is measured here is one tensor. In the order in which the cursor passes them.
        QuantizedTensor[] tensors =
        [
            .. placement.Activations.GroupBy(tensor => tensor.Group).Where(group => group.Count() == 1).Select(group => group.Single())
                .Where(tensor => tensor.Value.Type.DataType == DataType.Float32 && tensor.Uses.Count > 0).OrderBy(first.FirstReader),
        ];
        var errors = new double[tensors.Length];
        for (var i = 0; i < tensors.Length; i++)
        {
            Begin("measure ranges", i);
            using var trial = first.TrialOf(tensors[i]);
            errors[i] = trial.ErrorOf(chosen[tensors[i].Value.Name]);
        }
        var searched = Searched(errors);
        var second = new RangeSearch(graph, settings, images, threads);
        var found = new List<(string Tensor, QuantizationParameters Parameters, double Gain)>();
        for (var i = 0; i < tensors.Length; i++)
        {
            if (!searched.Contains(i)) continue;
            Begin("choose ranges", i);
            using var trial = second.TrialOf(tensors[i]);
            var name = tensors[i].Value.Name;
            var (parameters, error) = second.Search(trial, tensors[i], chosen[name], errors[i]);
            if (parameters != chosen[name]) found.Add((name, parameters, errors[i] - error));
        }
        Take(found);
        events?.Report(new ProgressMade("choose ranges", tensors.Length, tensors.Length));
        return chosen;

        void Begin(string task, int number)
        {
            cancellation.ThrowIfCancellationRequested();
            events?.Report(new ProgressMade(task, number, tensors.Length, tensors[number].Value.Name));
        }

        // What clipping does to one tensor after the other has the same sign and adds up more than rounding does: a range is taken where it helps with all others quantized, too.
        void Take(IEnumerable<(string Tensor, QuantizationParameters Parameters, double Gain)> proposals)
        {
            var judge = new OutputError(graph, images, threads);
            var smallest = ErrorOf(chosen, double.PositiveInfinity);
            foreach (var (tensor, parameters, _) in proposals.OrderByDescending(proposal => proposal.Gain).ThenBy(proposal => proposal.Tensor, StringComparer.Ordinal))
            {
                cancellation.ThrowIfCancellationRequested();
                var error = ErrorOf(new Dictionary<string, QuantizationParameters>(chosen, StringComparer.Ordinal) { [tensor] = parameters }, smallest);
                if (error < smallest) (chosen[tensor], smallest) = (parameters, error);
            }

            double ErrorOf(IReadOnlyDictionary<string, QuantizationParameters> ranges, double limit) => judge.Of(FakeQuantization.OfActivations(graph, settings, ranges), limit);
        }
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
    private (QuantizationParameters Parameters, double Error) Search(Trial trial, QuantizedTensor tensor, QuantizationParameters start, double error)
    {
        var (best, smallest) = (start, error);
        var mayGrow = !(_settings.Target.RangesImplyClips && tensor.Value.Producer?.Op is Ops.Clip);
        foreach (var step in s_steps)
        {
            if (mayGrow && Walk(step)) continue;
            Walk(1 / step);
        }
        return smallest < error * Gain ? (best, smallest) : (start, error);

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
                var found = trial.ErrorOf(next, smallest);
                if (!(found < smallest)) return moved;
                (best, smallest, moved) = (next, found, true);
            }
        }
    }

    private int FirstReader(QuantizedTensor tensor) => tensor.Uses.Min(use => _cursor.PositionOf(use.Node));

    private Trial TrialOf(QuantizedTensor tensor)
    {
        _cursor.MoveTo(_graph.Nodes[FirstReader(tensor)]);
        var variant = _graph.Clone();
        var quantized = variant.AddInput($"{tensor.Value.Name}/trial", tensor.Value.Type);
        var nodes = variant.Nodes.ToDictionary(node => node.Name, StringComparer.Ordinal);
        foreach (var use in tensor.Uses) variant.ReplaceInput(nodes[use.Node.Name], use.Index, quantized);
        return new Trial(_cursor.PartFor(variant, [.. variant.Outputs]), quantized.Name, _cursor.Borrow([tensor.Value])[tensor.Value.Name], _expected);
    }

    /// <summary>The rest of the network from one tensor on, which can be given with any quantization.</summary>
    private sealed class Trial(NetworkPart part, string input, Tensor[] values, ExpectedOutputs expected) : IDisposable
    {
        /// <summary>The error of the outputs; infinite as soon as it is certain not to be below <paramref name="limit"/>.</summary>
        public double ErrorOf(QuantizationParameters parameters, double limit = double.PositiveInfinity)
        {
            var sum = expected.Compare();
            for (var batch = 0; batch < values.Length; batch++)
            {
                Quantize(values[batch].As<float>().Span, parameters, part.Input(input));
                part.Run(batch);
                for (var output = 0; output < part.Outputs.Count; output++) sum.Add(output, batch, part.Output(output));
                if (!(sum.Error < limit)) return double.PositiveInfinity;
            }
            return sum.Error;
        }

        public void Dispose() => part.Dispose();

        private static void Quantize(ReadOnlySpan<float> values, QuantizationParameters parameters, Span<float> results)
        {
            var (scale, zeroPoint) = (parameters.Scales[0], parameters.ZeroPoints[0]);
            var (smallest, largest) = parameters.DataType == DataType.UInt8 ? (0 - zeroPoint, 255 - zeroPoint) : (-128 - zeroPoint, 127 - zeroPoint);
            var (steps, low, high) = (Vector512.Create(scale), Vector512.Create((float)smallest), Vector512.Create((float)largest));
            var i = 0;
            for (; i <= values.Length - Vector512<float>.Count; i += Vector512<float>.Count)
                (Vector512.Min(Vector512.Max(Vector512.Round(Vector512.Create(values[i..]) / steps), low), high) * steps).CopyTo(results[i..]);
            for (; i < values.Length; i++) results[i] = Math.Clamp(MathF.Round(values[i] / scale), smallest, largest) * scale;
        }
    }
}
