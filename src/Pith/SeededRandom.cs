namespace Pith;

/// <summary>
/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). Small, the same on every machine and .NET
/// version, and cheap to start from (seed, epoch, index), so that each image has its own stream and no result depends on threads.
/// </summary>
public struct SeededRandom
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private ulong _state;

    /// <summary>A stream of its own for each combination of the arguments.</summary>
    public SeededRandom(int seed, int first = 0, int second = 0) =>
        _state = Mix(Mix(Mix((uint)seed + Golden) + (uint)first + Golden) + (uint)second + Golden);

    /// <summary>The stream of a state that the caller has mixed.</summary>
    internal SeededRandom(ulong state) => _state = state;

    /// <summary>Any 64 bits, each combination equally likely.</summary>
    public ulong NextUInt64() => Mix(_state += Golden);

    /// <summary>0 to <paramref name="count"/> - 1, each equally likely.</summary>
    public int Next(int count) => (int)Math.BigMul(NextUInt64(), (ulong)count, out _);

    /// <summary>0 (included) to 1 (excluded).</summary>
    public float NextFloat() => (NextUInt64() >> 40) * (1f / (1 << 24));

    /// <summary>0 (included) to 1 (excluded), a multiple of 2^-53.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1ul << 53));

    /// <summary>Between the two bounds.</summary>
    public float Next(float low, float high) => low + NextFloat() * (high - low);

    /// <summary>Puts items in random order (Fisher and Yates).</summary>
    public void Shuffle(Span<int> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = Next(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
