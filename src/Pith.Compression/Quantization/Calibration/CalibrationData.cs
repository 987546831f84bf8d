using Pith.Compression.Data;
using Pith.Compression.Distribution;

namespace Pith.Compression.Quantization;

/// <summary>What to calibrate on.</summary>
/// <param name="Batches">Shuffled training data; each batch is read before the next is asked for.</param>
/// <param name="Samples">Exactly how many samples to observe; see <see cref="CalibrationRun.DefaultSamples"/>.</param>
/// <param name="BatchSize">The largest batch that <paramref name="Batches"/> brings.</param>
/// <param name="Classes">The number of classes of the data, which the lint compares with what was seen; 0 when it has none.</param>
/// <param name="Threads">How many batches run at the same time; 0 means one per processor. The result does not depend on it.</param>
public sealed record CalibrationData(IEnumerable<Batch> Batches, int Samples, int BatchSize, int Classes = 0, int Threads = 0)
{
    /// <summary>The processes that observe together, each a part of the samples; all are given the same data.</summary>
    internal ProcessGroup Group { get; init; } = ProcessGroup.Single;
}
