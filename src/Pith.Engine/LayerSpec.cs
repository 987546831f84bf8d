using System.Globalization;
using System.Text;

namespace Pith;

/// <summary>The kinds of layer that have tactics of their own.</summary>
public enum LayerKind
{
    /// <summary>Any op without a kind of its own, run by its own definition or by a tactic for that op.</summary>
    Op,
    /// <summary>Convolution with epilogue.</summary>
    Conv,
    /// <summary>Matrix product with constant or computed right-hand side, with epilogue.</summary>
    Gemm,
    /// <summary>Maximum or average over windows.</summary>
    Pool,
    /// <summary>Average over all pixels of a channel.</summary>
    GlobalAveragePool,
    /// <summary>Sum or product of two quantized tensors.</summary>
    Binary,
    /// <summary>An element-wise function of a quantized tensor as a table of 256 entries.</summary>
    Table,
    /// <summary>Joins quantized tensors of one scale along the channels.</summary>
    Concat,
    /// <summary>Float to 8 bits.</summary>
    Quantize,
    /// <summary>8 bits to float.</summary>
    Dequantize,
    /// <summary>Another memory layout of the same elements.</summary>
    Reorder,
}

/// <summary>A sliding window in two dimensions; height before width.</summary>
public readonly record struct Window
{
    /// <summary>Rows of the kernel.</summary>
    public int KernelHeight { get; init; }
    /// <summary>Columns of the kernel.</summary>
    public int KernelWidth { get; init; }
    /// <summary>Rows between outputs.</summary>
    public int StrideHeight { get; init; }
    /// <summary>Columns between outputs.</summary>
    public int StrideWidth { get; init; }
    /// <summary>Rows between taps.</summary>
    public int DilationHeight { get; init; }
    /// <summary>Columns between taps.</summary>
    public int DilationWidth { get; init; }
    /// <summary>Rows added above.</summary>
    public int PadTop { get; init; }
    /// <summary>Columns added on the left.</summary>
    public int PadLeft { get; init; }
    /// <summary>Rows added below.</summary>
    public int PadBottom { get; init; }
    /// <summary>Columns added on the right.</summary>
    public int PadRight { get; init; }

    /// <summary>One tap, stride 1, no padding.</summary>
    public static Window Point { get; } = new() { KernelHeight = 1, KernelWidth = 1, StrideHeight = 1, StrideWidth = 1, DilationHeight = 1, DilationWidth = 1 };

    /// <summary>Number of taps.</summary>
    public int Taps => KernelHeight * KernelWidth;

    /// <summary>Whether any border is added.</summary>
    public bool IsPadded => (PadTop | PadLeft | PadBottom | PadRight) != 0;
}

/// <summary>What a layer is, without its operands: at once the key of the timing cache, the line that reproduces a failure and the argument of a kernel benchmark. Value-equal; prints and parses.</summary>
public readonly record struct LayerSpec
{
    /// <summary>The kind.</summary>
    public LayerKind Kind { get; init; }
    /// <summary>What the kind leaves open: the op's text for <see cref="LayerKind.Op"/>, <c>max</c> or <c>average</c> for pools, <c>add</c> or <c>mul</c> for binaries.</summary>
    public string Detail { get; init; }
    /// <summary>Element type of the first operand.</summary>
    public DataType Input { get; init; }
    /// <summary>Element type of the result.</summary>
    public DataType Output { get; init; }
    /// <summary>Images (for Gemm: rows) at the largest batch.</summary>
    public int Images { get; init; }
    /// <summary>Input channels (for Gemm: the reduced axis).</summary>
    public int Channels { get; init; }
    /// <summary>Input rows.</summary>
    public int Height { get; init; }
    /// <summary>Input columns.</summary>
    public int Width { get; init; }
    /// <summary>Output channels.</summary>
    public int OutChannels { get; init; }
    /// <summary>The window of convolutions and pools.</summary>
    public Window Window { get; init; }
    /// <summary>Convolution groups.</summary>
    public int Groups { get; init; }
    /// <summary>Whether a bias is added.</summary>
    public bool HasBias { get; init; }
    /// <summary>Element type of the residual that is added, if any.</summary>
    public DataType? Residual { get; init; }
    /// <summary>The activation, e.g. <c>clip(0,6)</c>; empty for none.</summary>
    public string Activation { get; init; }
    /// <summary>Whether a float layer may round the operands of its products to bfloat16; see <see cref="EngineOptions.Bf16"/>.</summary>
    public bool AllowsBf16 { get; init; }
    /// <summary>The pattern of zeros in the weights of an INT8 convolution or matrix product, the strictest that they have; null for none.</summary>
    public SparsityPattern? Pattern { get; init; }

    /// <summary>One line, parts separated by blanks: <c>conv s8&gt;s8 n1 c64 h56 w56 k64 r3,3 stride1,1 pad1,1,1,1 bias +s8 act:clip(0,6)</c>. <see cref="Parse"/> reads it back.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Kind.ToString().ToLowerInvariant()} {Input.ShortName()}>{Output.ShortName()}");
        foreach (var (key, value) in Sizes())
            if (value != 0) text.Append(CultureInfo.InvariantCulture, $" {key}{value}");
        if (Window != default && Window != Window.Point)
        {
            var w = Window;
            text.Append(CultureInfo.InvariantCulture, $" r{w.KernelHeight},{w.KernelWidth} stride{w.StrideHeight},{w.StrideWidth}");
            if (w.IsPadded) text.Append(CultureInfo.InvariantCulture, $" pad{w.PadTop},{w.PadLeft},{w.PadBottom},{w.PadRight}");
            if (w.DilationHeight != 1 || w.DilationWidth != 1) text.Append(CultureInfo.InvariantCulture, $" dilation{w.DilationHeight},{w.DilationWidth}");
        }
        if (HasBias) text.Append(" bias");
        if (Residual is { } residual) text.Append(" +").Append(residual.ShortName());
        if (!string.IsNullOrEmpty(Activation)) text.Append(" act:").Append(Activation);
        if (AllowsBf16) text.Append(" bf16");
        if (Pattern is { } pattern) text.Append(' ').Append(pattern);
        if (!string.IsNullOrEmpty(Detail)) text.Append(" | ").Append(Detail);
        return text.ToString();
    }

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    /// <exception cref="PithException">The text is not a layer specification; the message names the part.</exception>
    public static LayerSpec Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var bar = text.IndexOf(" | ", StringComparison.Ordinal);
        var parts = (bar < 0 ? text : text[..bar]).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length < 2 || !Enum.TryParse<LayerKind>(parts[0], ignoreCase: true, out var kind) || parts[1].Split('>') is not [var from, var to])
            throw new PithException($"'{text}' is not a layer specification: expected e.g. 'conv s8>s8 n1 c64 h56 w56 k64 r3,3 stride1,1 pad1,1,1,1 bias'.");
        var spec = new LayerSpec { Kind = kind, Input = TypeOf(from, text), Output = TypeOf(to, text), Detail = bar < 0 ? "" : text[(bar + 3)..], Activation = "" };
        if (kind is LayerKind.Conv or LayerKind.Pool) spec = spec with { Window = Window.Point };
        foreach (var part in parts.AsSpan(2)) spec = spec.With(part, text);
        return spec;
    }

    private (string Key, int Value)[] Sizes() => [("n", Images), ("c", Channels), ("h", Height), ("w", Width), ("k", OutChannels), ("g", Groups)];

    private LayerSpec With(string part, string whole)
    {
        if (part == "bias") return this with { HasBias = true };
        if (part == "bf16") return this with { AllowsBf16 = true };
        if (part.EndsWith(SparsityPattern.TwoOfFour.ToString(), StringComparison.Ordinal)) return this with { Pattern = SparsityPattern.Parse(part) };
        if (part[0] == '+') return this with { Residual = TypeOf(part[1..], whole) };
        if (part.StartsWith("act:", StringComparison.Ordinal)) return this with { Activation = part[4..] };
        var split = part.AsSpan().IndexOfAnyInRange('0', '9');
        var key = split < 0 ? part : part[..split];
        var numbers = split < 0 ? [] : part[split..].Split(',').Select(number => int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : -1).ToArray();
        if (numbers.Contains(-1)) throw Unreadable(part, whole);
        return (key, numbers) switch
        {
            ("n", [var n]) => this with { Images = n },
            ("c", [var n]) => this with { Channels = n },
            ("h", [var n]) => this with { Height = n },
            ("w", [var n]) => this with { Width = n },
            ("k", [var n]) => this with { OutChannels = n },
            ("g", [var n]) => this with { Groups = n },
            ("r", [var h, var w]) => this with { Window = Window with { KernelHeight = h, KernelWidth = w } },
            ("stride", [var h, var w]) => this with { Window = Window with { StrideHeight = h, StrideWidth = w } },
            ("dilation", [var h, var w]) => this with { Window = Window with { DilationHeight = h, DilationWidth = w } },
            ("pad", [var t, var l, var b, var r]) => this with { Window = Window with { PadTop = t, PadLeft = l, PadBottom = b, PadRight = r } },
            _ => throw Unreadable(part, whole),
        };
    }

    private static DataType TypeOf(string name, string whole)
    {
        foreach (var type in Enum.GetValues<DataType>())
            if (type.ShortName() == name) return type;
        throw Unreadable(name, whole);
    }

    private static PithException Unreadable(string part, string whole) => new($"'{part}' in the layer specification '{whole}' cannot be understood.");
}
