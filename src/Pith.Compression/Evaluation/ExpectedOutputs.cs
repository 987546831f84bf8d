namespace Pith.Compression.Evaluation;

/// <summary>The outputs of a network on some images, to measure by how much those of another one differ. Immutable.</summary>
internal sealed class ExpectedOutputs
{
    private readonly float[][][] _outputs;
    private readonly double[] _energies;

    /// <param name="outputs">Float tensors: by output, then by batch.</param>
    public ExpectedOutputs(IEnumerable<Tensor[]> outputs)
    {
        _outputs = [.. outputs.Select(batches => Array.ConvertAll(batches, batch => batch.As<float>().Data))];
        _energies = [.. _outputs.Select(batches => batches.Sum(batch => batch.Sum(x => (double)x * x)))];
    }

    /// <summary>Starts a comparison.</summary>
    public Comparison Compare() => new(this);

    /// <summary>A sum over batches that only grows. One thread at a time.</summary>
    internal sealed class Comparison
    {
        private readonly ExpectedOutputs _expected;
        private readonly double[] _noise;

        public Comparison(ExpectedOutputs expected) => (_expected, _noise) = (expected, new double[expected._outputs.Length]);

        /// <summary>The energy of the difference over that of the expected outputs of all batches, each output counting alike; infinite when something is not finite.</summary>
        public double Error
        {
            get
            {
                double sum = 0;
                for (var output = 0; output < _noise.Length; output++)
                {
                    var (noise, signal) = (_noise[output], _expected._energies[output]);
                    sum += noise == 0 ? 0 : signal == 0 ? double.PositiveInfinity : noise / signal;
                }
                return double.IsFinite(sum) ? sum / _noise.Length : double.PositiveInfinity;
            }
        }

        /// <summary>Adds the difference of an output of a batch.</summary>
        public void Add(int output, int batch, ReadOnlySpan<float> got)
        {
            var expected = _expected._outputs[output][batch];
            var noise = _noise[output];
            for (var i = 0; i < expected.Length; i++)
            {
                var difference = (double)expected[i] - got[i];
                noise += difference * difference;
            }
            _noise[output] = noise;
        }
    }
}
