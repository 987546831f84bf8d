namespace Pith.Models;

/// <summary>
/// Seeded initial parameters. Each tensor has its own random sequence, from the seed and its name, so that a network keeps the parameters that it has
/// when another layer is added or removed.
/// </summary>
/// <param name="seed">The network's seed.</param>
internal sealed class ParameterInitializer(int seed)
{
    /// <summary>Weights of a convolution [K, C/groups, R, S]: normal with variance 2 / (K · R · S / groups), which keeps the size of gradients (He et al. 2015, fan-out).</summary>
    public Tensor<float> HeNormal(string name, Shape shape, int groups)
    {
        var fanOut = shape[0] / groups * shape.LengthOf(2, shape.Rank);
        return Normal(name, shape, Math.Sqrt(2.0 / fanOut));
    }

    /// <summary>Normal with mean 0, as the tables and weights of transformers start.</summary>
    public Tensor<float> Normal(string name, Shape shape, double deviation)
    {
        var weights = Tensor.Zeros<float>(shape);
        var random = RandomOf(name);
        // Box and Muller 1958: two uniform numbers give two normal ones.
        for (var i = 0; i < weights.Length; i += 2)
        {
            var radius = deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            var (sine, cosine) = Math.SinCos(2 * Math.PI * random.NextDouble());
            weights.Data[i] = (float)(radius * cosine);
            if (i + 1 < weights.Length) weights.Data[i + 1] = (float)(radius * sine);
        }
        return weights;
    }

    /// <summary>Weights of a fully connected layer [classes, features]: uniform within ±1 / √features.</summary>
    public Tensor<float> FanInUniform(string name, Shape shape)
    {
        var bound = 1 / Math.Sqrt(shape[1]);
        var weights = Tensor.Zeros<float>(shape);
        var random = RandomOf(name);
        for (var i = 0; i < weights.Length; i++) weights.Data[i] = (float)(bound * (2 * random.NextDouble() - 1));
        return weights;
    }

    /// <summary>A vector of one value.</summary>
    public static Tensor<float> Constant(int length, float value)
    {
        var vector = Tensor.Zeros<float>(new Shape(length));
        vector.Span.Fill(value);
        return vector;
    }

    // The FNV-1a hash of the name (string.GetHashCode differs between runs), mixed with the seed.
    private SeededRandom RandomOf(string name)
    {
        var hash = 14695981039346656037ul;
        foreach (var character in name) hash = unchecked((hash ^ character) * 1099511628211ul);
        return new SeededRandom(hash ^ ((ulong)(uint)seed << 32));
    }
}
