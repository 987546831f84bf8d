namespace Pith.Ops;

/// <summary>A sliding window along one spatial axis, with everything settled. All numbers are elements.</summary>
public readonly record struct WindowAxis
{
    /// <summary>An axis of size 1 that the window does not move along.</summary>
    internal static WindowAxis Trivial { get; } = new() { Input = 1, Output = 1, Kernel = 1, Stride = 1, Dilation = 1 };

    /// <summary>The input's size, without padding.</summary>
    public int Input { get; init; }

    /// <summary>The number of windows.</summary>
    public int Output { get; init; }

    /// <summary>Elements of the window.</summary>
    public int Kernel { get; init; }

    /// <summary>Distance between two windows.</summary>
    public int Stride { get; init; }

    /// <summary>Distance between two elements of a window.</summary>
    public int Dilation { get; init; }

    /// <summary>Padding before the first element.</summary>
    public int PadBegin { get; init; }

    /// <summary>Padding after the last element.</summary>
    public int PadEnd { get; init; }

    /// <summary>What a window covers: (kernel - 1) * dilation + 1.</summary>
    public int Extent => checked((Kernel - 1) * Dilation + 1);

    /// <summary>The position in the input of element <paramref name="kernel"/> of window <paramref name="output"/>; outside 0 … Input-1 it is padding.</summary>
    public int InputAt(int output, int kernel) => output * Stride + kernel * Dilation - PadBegin;

    /// <summary>The windows whose element <paramref name="kernel"/> lies inside the input: from (inclusive) and to (exclusive).</summary>
    public (int From, int To) OutputsInside(int kernel)
    {
        var offset = kernel * Dilation - PadBegin;
        var from = offset >= 0 ? 0 : (-offset + Stride - 1) / Stride;
        var to = offset >= Input ? 0 : Math.Min(Output, (Input - 1 - offset) / Stride + 1);
        return (from, Math.Max(from, to));
    }
}
