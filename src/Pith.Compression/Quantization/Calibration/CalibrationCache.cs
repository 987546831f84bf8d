using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Pith.Compression.Quantization;

/// <summary>
/// Activation scales by tensor name, in the text format of TensorRT's calibration cache: a first line <c>TRT-&lt;version&gt;-EntropyCalibration2</c>, then one line
/// <c>tensor: XXXXXXXX</c> per tensor, where the digits are the float32 scale (amax / 127) in big-endian hexadecimal. Pith writes a sidecar beside it
/// (<see cref="CalibrationCacheOrigin"/>) that says which model the scales belong to. Immutable.
/// </summary>
public sealed class CalibrationCache
{
    private const string HeaderPrefix = "TRT-";
    private const string HeaderSuffix = "-EntropyCalibration2";
    private const string DefaultVersion = "8601";
    private const long LargestFileBytes = 64L << 20;

    private readonly SortedDictionary<string, float> _scales;

    /// <summary>A cache of <paramref name="scales"/>.</summary>
    /// <param name="scales">Positive scale by tensor name; copied.</param>
    /// <param name="origin">Which model and calibrator they come from; null for a cache that another program wrote.</param>
    /// <exception cref="PithException">A scale is not a positive number, or a name holds a line break.</exception>
    public CalibrationCache(IEnumerable<KeyValuePair<string, float>> scales, CalibrationCacheOrigin? origin)
    {
        _scales = new SortedDictionary<string, float>(StringComparer.Ordinal);
        foreach (var (tensor, scale) in scales)
        {
            if (!IsScale(scale)) throw new PithException(string.Create(CultureInfo.InvariantCulture, $"Tensor '{tensor}' has the scale {scale}; a scale is a positive number."));
            if (tensor.AsSpan().ContainsAny('\n', '\r')) throw new PithException($"The tensor name '{tensor}' holds a line break and cannot be written to a calibration cache.");
            _scales[tensor] = scale;
        }
        Origin = origin;
    }

    /// <summary>The scales by tensor name, in ordinal order.</summary>
    public IReadOnlyDictionary<string, float> Scales => _scales;

    /// <summary>Where the scales come from; null when the cache has no sidecar, as those that TensorRT writes.</summary>
    public CalibrationCacheOrigin? Origin { get; }

    /// <summary>Refuses scales that were computed for another model. A cache without a sidecar passes: nothing is known against it.</summary>
    /// <param name="modelHash">The hash of the model at hand, as in <see cref="CalibrationCacheOrigin.ModelHash"/>.</param>
    /// <exception cref="PithException">The cache is stale.</exception>
    public void RequireMadeFor(string modelHash)
    {
        if (Origin is null || Origin.ModelHash == modelHash) return;
        throw new PithException($"The calibration cache is stale: it was made for the model {Origin.ModelHash}, this one is {modelHash}. Calibrate again, or delete the cache and its sidecar '*{CalibrationCacheOrigin.FileSuffix}'.");
    }

    /// <summary>Writes the cache and, when <see cref="Origin"/> is known, its sidecar; each appears whole or not at all.</summary>
    /// <exception cref="PithException">The file cannot be written.</exception>
    public void Write(string path)
    {
        // Scales first: should the sidecar fail, what stands beside them is stale at worst, and refused.
        AtomicFile.WriteText(path, ToString());
        if (Origin is not null) Origin.Write(path + CalibrationCacheOrigin.FileSuffix);
        else File.Delete(path + CalibrationCacheOrigin.FileSuffix);
    }

    /// <summary>Reads a cache and, when there is one, its sidecar.</summary>
    /// <exception cref="PithException">The file cannot be read or a line is malformed; the message gives its number.</exception>
    public static CalibrationCache Read(string path)
    {
        string text;
        try
        {
            var file = new FileInfo(path);
            if (file.Exists && file.Length > LargestFileBytes) throw new PithException($"'{path}' has {file.Length} bytes; a calibration cache has at most {LargestFileBytes}.");
            text = File.ReadAllText(path, Encoding.UTF8);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new PithException($"Cannot read the calibration cache '{path}': {failure.Message}", failure);
        }
        var sidecar = path + CalibrationCacheOrigin.FileSuffix;
        return Parse(text, path, File.Exists(sidecar) ? CalibrationCacheOrigin.Read(sidecar) : null);
    }

    /// <summary>Parses the text of a cache.</summary>
    /// <param name="text">The whole file.</param>
    /// <param name="source">What to call it in messages: the file's path.</param>
    /// <param name="origin">The sidecar's content, or null.</param>
    /// <exception cref="PithException">A line is malformed; the message gives its number.</exception>
    public static CalibrationCache Parse(string text, string source, CalibrationCacheOrigin? origin = null)
    {
        var lines = text.Split('\n');
        if (!lines[0].StartsWith(HeaderPrefix, StringComparison.Ordinal) || !lines[0].Contains("Calibration", StringComparison.Ordinal))
            throw Malformed(source, 1, $"expected '{HeaderPrefix}<version>{HeaderSuffix}', got '{Shortened(lines[0].TrimEnd('\r'))}'; this is not a calibration cache");
        var scales = new Dictionary<string, float>(StringComparer.Ordinal);
        for (var i = 1; i < lines.Length; i++)
        {
            var line = lines[i].AsSpan().TrimEnd();
            if (line.IsEmpty) continue;
            var (tensor, scale) = ParseLine(line, source, i + 1);
            if (!scales.TryAdd(tensor, scale)) throw Malformed(source, i + 1, $"tensor '{Shortened(tensor)}' has a scale already");
        }
        return new CalibrationCache(scales, origin);
    }

    /// <summary>The text of the cache file.</summary>
    public override string ToString()
    {
        var text = new StringBuilder().Append(HeaderPrefix).Append(DefaultVersion).Append(HeaderSuffix).Append('\n');
        foreach (var (tensor, scale) in _scales)
            text.Append(tensor).Append(": ").Append(BitConverter.SingleToUInt32Bits(scale).ToString("x8", CultureInfo.InvariantCulture)).Append('\n');
        return text.ToString();
    }

    private static (string Tensor, float Scale) ParseLine(ReadOnlySpan<char> line, string source, int number)
    {
        // Tensor names hold colons too ("conv1:0"), so the last one separates.
        var colon = line.LastIndexOf(':');
        if (colon <= 0 || line.Contains('\r')) throw Malformed(source, number, $"expected 'tensor: XXXXXXXX', got '{Shortened(line.ToString())}'");
        var digits = line[(colon + 1)..].Trim();
        if (digits.Length != 8 || !uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits))
            throw Malformed(source, number, $"expected 8 hexadecimal digits after the last colon, got '{Shortened(digits.ToString())}'");
        var scale = BitConverter.UInt32BitsToSingle(bits);
        if (!IsScale(scale)) throw Malformed(source, number, string.Create(CultureInfo.InvariantCulture, $"'{digits}' is the float {scale}; a scale is a positive number"));
        return (line[..colon].ToString(), scale);
    }

    private static bool IsScale(float scale) => scale > 0 && float.IsFinite(scale);

    private static string Shortened(string text) => text.Length <= 60 ? text : text[..60] + "…";

    private static PithException Malformed(string source, int line, string problem) => new($"{source}, line {line}: {problem}.");
}
