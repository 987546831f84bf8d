using System.Text.Json;

namespace Pith.Compression.Quantization;

/// <summary>What Pith records beside a calibration cache, as JSON: which model the scales belong to and how they were found.</summary>
/// <param name="ModelHash">The hash of the model that was calibrated.</param>
/// <param name="Calibrator">The calibrator, as <see cref="CalibratorCatalog.Parse"/> takes it.</param>
/// <param name="Samples">The number of samples observed.</param>
public sealed record CalibrationCacheOrigin(string ModelHash, string Calibrator, int Samples)
{
    /// <summary>Appended to the cache's path to get the sidecar's.</summary>
    public const string FileSuffix = ".pith.json";

    private static readonly JsonSerializerOptions s_options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true };

    internal void Write(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(this, s_options) + "\n");

    /// <exception cref="PithException">The file cannot be read or is not a sidecar.</exception>
    internal static CalibrationCacheOrigin Read(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return JsonSerializer.Deserialize<CalibrationCacheOrigin>(stream, s_options) ?? throw new JsonException("the file holds null");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new PithException($"Cannot read the calibration cache's sidecar '{path}': {failure.Message} Delete it to use the cache without the check that it belongs to the model.", failure);
        }
    }
}
