using Pith.Compression.Data;
using Pith.Ops;
using Pith.Training;

namespace Pith.Compression.Quantization;

/// <summary>
/// How much noise inside a network shows at its outputs: independent noise of variance 1 in every element of a channel of a value adds this share of the outputs' energy, to first order. It is the sum of the squared derivatives of all outputs, of
/// which the squared gradient of a sum of outputs with random signs is an unbiased estimate (Hutchinson 1990): one backward pass for each image.
/// </summary>
internal sealed class OutputSensitivity
{
    // Channels have many positions, so few images tell.
    private const int Images = 16;

    private readonly Dictionary<string, (double[] Each, double[] Common)> _channels;

    private OutputSensitivity(Dictionary<string, (double[], double[])> channels) => _channels = channels;

    /// <summary>The sensitivity of each index along the axis of a value; null for a value that was not asked for.</summary>
    public double[]? this[string name] => _channels.TryGetValue(name, out var channels) ? channels.Each : null;

    /// <summary>The same for noise that is one and the same number at all positions of an image, as a weight's error makes it where it meets the mean of its operand.</summary>
    public double[] Common(string name) => _channels[name].Common;

    /// <summary>Measures the sensitivity of values.</summary>
    /// <param name="graph">A float network; not changed.</param>
    /// <param name="values">Names of values, each with an axis of a fixed size.</param>
    /// <param name="images">What to run; the first ones are used.</param>
    /// <param name="threads">Threads; 0 for one per processor. The result does not depend on it.</param>
    /// <exception cref="PithException">An op has no gradient, or the network cannot be run.</exception>
    public static OutputSensitivity Of(Graph graph, IReadOnlyList<(string Name, int Axis)> values, CalibrationImages images, int threads)
    {
        var backward = graph.Clone();
        var outputs = backward.Outputs.Where(output => output.Type.DataType == DataType.Float32).ToArray();
        var signs = outputs.Select((output, i) => backward.AddInput($"signs/{i}", output.Type)).ToArray();
        var loss = outputs.Zip(signs).Select(pair => backward.Add(new ReduceSum { KeepDims = false }, backward.Add(new Mul(), pair.First, pair.Second))).Aggregate((sum, next) => backward.Add(new Add(), sum, next));
        var gradients = Autodiff.Build(backward, loss, [.. values.Select(value => backward.Find(value.Name)!)]);
        var sums = new Sums(values.Zip(gradients).GroupBy(pair => pair.Second.Name, pair => pair.First).ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal));
        using var engine = EngineBuilder.Build(backward, new EngineOptions { MaxBatch = images.Input.FixedBatch ?? 1, Threads = threads, Observed = [.. sums.Gradients], TimeTactics = false });
        using var context = engine.CreateContext();
        context.Observer = sums;
        var random = new SeededRandom(1);
        var batches = Enumerable.Range(0, Math.Min(images.Runs, images.Input.FixedBatch is { } batch ? (Images + batch - 1) / batch : Images)).Select(images.Run).ToArray();
        var energies = Energies(graph, outputs, batches, threads);
        foreach (var image in batches)
        {
            image.WriteTo(context);
            for (var i = 0; i < signs.Length; i++)
                foreach (ref var sign in context.Input<float>(signs[i].Name)) sign = (float)((random.Next(2) == 0 ? 1 : -1) / Math.Sqrt(energies[i]));
            context.Run(image.Count);
        }
        return sums.Result(batches.Sum(batch => batch.Count));
    }

    /// <summary>The energy of each output of an image, in the mean.</summary>
    private static double[] Energies(Graph graph, Value[] outputs, IReadOnlyCollection<InputBatch> batches, int threads)
    {
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = batches.First().Count, Threads = threads, TimeTactics = false });
        using var context = engine.CreateContext();
        var energies = new double[outputs.Length];
        foreach (var image in batches)
        {
            image.WriteTo(context);
            context.Run(image.Count);
            for (var i = 0; i < outputs.Length; i++)
                foreach (var value in context.Output<float>(outputs[i].Name)) energies[i] += (double)value * value;
        }
        return [.. energies.Select(energy => energy > 0 ? energy / batches.Sum(batch => batch.Count) * outputs.Length : 1)];
    }

    private sealed class Sums(Dictionary<string, (string Name, int Axis)[]> values) : IValueObserver
    {
        private readonly Dictionary<string, (double[] Each, double[] Common)> _sums = new(StringComparer.Ordinal);

        public IEnumerable<string> Gradients => values.Keys;

        public void Observe(in ObservedValue value)
        {
            var tensor = value.ToTensor().As<float>();
            foreach (var (name, axis) in values[value.Name])
            {
                var (outer, indices, inner) = (tensor.Shape.LengthOf(0, axis), tensor.Shape[axis], tensor.Shape.LengthOf(axis + 1, tensor.Shape.Rank));
                if (!_sums.TryGetValue(name, out var sums)) _sums[name] = sums = (new double[indices], new double[indices]);
                for (var o = 0; o < outer; o++)
                    for (var i = 0; i < indices; i++)
                    {
                        var (squares, sum) = (0.0, 0.0);
                        foreach (var gradient in tensor.Span.Slice((o * indices + i) * inner, inner))
                        {
                            squares += (double)gradient * gradient;
                            sum += gradient;
                        }
                        sums.Each[i] += squares;
                        sums.Common[i] += sum * sum;
                    }
            }
        }

        public OutputSensitivity Result(int images) => new(_sums.ToDictionary(entry => entry.Key, entry => (Array.ConvertAll(entry.Value.Each, sum => sum / images), Array.ConvertAll(entry.Value.Common, sum => sum / images)), StringComparer.Ordinal));
    }
}
