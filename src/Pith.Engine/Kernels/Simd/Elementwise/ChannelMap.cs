using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Simd;

/// <summary>
/// Moves the bytes of pixels: each byte of a result's pixel is a byte of one operand's pixel, or 0. Results are made 16 bytes at a time, from 16 neighbouring bytes of each operand that they come from.
/// </summary>
internal sealed unsafe class ChannelMap
{
    private const int VectorBytes = 16;

    private readonly Vector[] _vectors;
    private readonly int[] _inputBytes;
    private readonly int _outputBytes;

    /// <param name="sources">For each byte of the result's pixel the operand and its byte; null for 0.</param>
    /// <param name="inputBytes">Bytes of a pixel of each operand.</param>
    public ChannelMap((int Input, int Byte)?[] sources, int[] inputBytes)
    {
        (_inputBytes, _outputBytes) = (inputBytes, sources.Length);
        var starts = Enumerable.Range(0, EvenParts.Count(sources.Length, VectorBytes)).Select(i => Math.Max(0, Math.Min(i * VectorBytes, sources.Length - VectorBytes)));
        _vectors = [.. starts.Select(start => new Vector(start, [.. Windows(sources, start, inputBytes)]))];
    }

    // Bytes of the result and where they come from.
    private sealed record Vector(int Start, Window[] Windows);

    // 16 bytes of an operand from Start on, and which of them go where.
    private readonly record struct Window(int Input, int Start, Vector128<byte> Indices);

    /// <summary>Some neighbouring pixels.</summary>
    /// <param name="inputs">The first pixel of each operand, of which 15 bytes past the last pixel may be read.</param>
    /// <param name="output">The first pixel of the result.</param>
    /// <param name="pixels">How many.</param>
    public void Run(ReadOnlySpan<nint> inputs, byte* output, long pixels)
    {
        foreach (var vector in _vectors)
        {
            var to = output + vector.Start;
            var stored = Math.Min(VectorBytes, _outputBytes - vector.Start);
            switch (vector.Windows)
            {
                case [] : Fill(to, stored, pixels); break;
                case [var only] when stored == VectorBytes: One((byte*)inputs[only.Input] + only.Start, _inputBytes[only.Input], only.Indices, to, pixels); break;
                case [var left, var right] when stored == VectorBytes:
                    Two((byte*)inputs[left.Input] + left.Start, _inputBytes[left.Input], left.Indices, (byte*)inputs[right.Input] + right.Start, _inputBytes[right.Input], right.Indices, to, pixels);
                    break;
                default: Many(inputs, vector.Windows, to, stored, pixels); break;
            }
        }
    }

    private static IEnumerable<Window> Windows((int Input, int Byte)?[] sources, int start, int[] inputBytes)
    {
        var wanted = new List<(int Lane, int Input, int Byte)>();
        for (var lane = 0; lane < VectorBytes && start + lane < sources.Length; lane++)
            if (sources[start + lane] is var (input, at)) wanted.Add((lane, input, at));
        wanted.Sort((left, right) => (left.Input, left.Byte).CompareTo((right.Input, right.Byte)));
        while (wanted.Count > 0)
        {
            var (_, input, first) = wanted[0];
            // Not past the pixel, if that is possible.
            var from = Math.Max(0, Math.Min(first, inputBytes[input] - VectorBytes));
            var indices = Enumerable.Repeat((byte)0x80, VectorBytes).ToArray();
            foreach (var (lane, _, at) in wanted.Where(byteOf => byteOf.Input == input && byteOf.Byte < from + VectorBytes)) indices[lane] = (byte)(at - from);
            wanted.RemoveAll(byteOf => byteOf.Input == input && byteOf.Byte < from + VectorBytes);
            yield return new Window(input, from, Vector128.Create(indices));
        }
    }

    private void One(byte* from, int stride, Vector128<byte> indices, byte* to, long pixels)
    {
        for (; pixels > 0; pixels--, from += stride, to += _outputBytes) Pick(Vector128.Load(from), indices).Store(to);
    }

    private void Two(byte* left, int leftStride, Vector128<byte> leftIndices, byte* right, int rightStride, Vector128<byte> rightIndices, byte* to, long pixels)
    {
        for (; pixels > 0; pixels--, left += leftStride, right += rightStride, to += _outputBytes)
            (Pick(Vector128.Load(left), leftIndices) | Pick(Vector128.Load(right), rightIndices)).Store(to);
    }

    private void Many(ReadOnlySpan<nint> inputs, Window[] windows, byte* to, int stored, long pixels)
    {
        for (var pixel = 0L; pixel < pixels; pixel++, to += _outputBytes)
        {
            var all = Vector128<byte>.Zero;
            foreach (var window in windows) all |= Pick(Vector128.Load((byte*)inputs[window.Input] + pixel * _inputBytes[window.Input] + window.Start), window.Indices);
            if (stored == VectorBytes) all.Store(to);
            else
                for (var i = 0; i < stored; i++) to[i] = all.GetElement(i);
        }
    }

    private void Fill(byte* to, int stored, long pixels)
    {
        for (; pixels > 0; pixels--, to += _outputBytes) new Span<byte>(to, stored).Clear();
    }

    // Indices with the highest bit set give 0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Pick(Vector128<byte> bytes, Vector128<byte> indices) => Ssse3.IsSupported ? Ssse3.Shuffle(bytes, indices) : Vector128.Shuffle(bytes, indices);
}
