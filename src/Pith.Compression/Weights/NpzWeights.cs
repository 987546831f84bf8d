using Pith.Compression.Data;

namespace Pith.Compression.Weights;

/// <summary>A NumPy archive as a file of weights: numpy.savez(file, **{name: array}).</summary>
internal static class NpzWeights
{
    public static WeightFile Open(string path) =>
        new(path, [.. Npz.Types(path).Select(array => new StoredTensor(array.Name, array.Type, array.Shape, () => Npz.Read(path, array.Name)))], resource: null);
}
