namespace Pith.Kernels.Jit;

/// <summary>
/// The output channels that a kernel computes at once, as vectors of 16, and in which order they lie in the vectors. For byte results the order is such that packing instructions, which work on
/// 128-bit lanes, bring the channels into memory order without a permutation of their own: packed weights and constants are stored in this order instead.
/// </summary>
/// <param name="Vectors">Vectors of 16 channels.</param>
/// <param name="Channels">Channels that are stored, at most 16 for each vector; the last vectors may be partly empty.</param>
/// <param name="IsNatural">Channel 16 v + i is lane i of vector v: for float operands and results.</param>
internal readonly record struct PanelShape(int Vectors, int Channels, bool IsNatural)
{
    /// <summary>Channels of a vector.</summary>
    public const int Lanes = 16;

    /// <summary>So many neighbouring channels share a 2:4 pattern, and their sums lie in the order of <see cref="SharedSums"/>; 0 for dense weights.</summary>
    public int Shared { get; init; }

    /// <summary>Channels of all vectors, stored or not.</summary>
    public int Capacity => Vectors * Lanes;

    /// <summary>Vectors that are packed together: as many groups of four as there are, then two, then one.</summary>
    public IReadOnlyList<Pack> Packs
    {
        get
        {
            var packs = new List<Pack>();
            for (var first = 0; first < Vectors; first += packs[^1].Width) packs.Add(PackOf(first));
            return packs;
        }
    }

    /// <summary>The channel in a lane of a vector of start values, counted from the panel's first: where sums begin, or, when they are partial, what is added to them.</summary>
    public int StartChannel(int vector, int lane) => Shared == 0 || SharedSums.Partials(Shared) > 1 ? Channel(vector, lane) : SharedSums.Channel(this, vector, lane);

    /// <summary>The channel in a lane of a vector of results, counted from the panel's first.</summary>
    public int Channel(int vector, int lane)
    {
        if (IsNatural) return vector * Lanes + lane;
        var pack = PackOf(vector);
        // Each of the four 128-bit lanes of a packed vector takes four channels from every vector of the pack.
        return pack.First * Lanes + lane / 4 * 4 * pack.Width + (vector - pack.First) * 4 + lane % 4;
    }

    // The pack that a vector belongs to.
    private Pack PackOf(int vector)
    {
        if (IsNatural) return new Pack(vector, 1);
        var rest = Vectors % 4;
        if (vector < Vectors - rest) return new Pack(vector / 4 * 4, 4);
        var first = Vectors - rest;
        return rest >= 2 && vector < first + 2 ? new Pack(first, 2) : new Pack(Vectors - 1, 1);
    }
}

/// <summary>Vectors whose channels leave in one store for each pixel (<see cref="Width"/> 4), or together with those of one or three more pixels.</summary>
/// <param name="First">The first vector.</param>
/// <param name="Width">4, 2 or 1.</param>
internal readonly record struct Pack(int First, int Width);
