namespace Pith.Compression.Tests;

public class CalibrationCacheTests
{
    private static readonly CalibrationCacheOrigin s_origin = new("abc123", "mse", 512);

    [Fact]
    public void Text_is_what_TensorRT_writes()
    {
        var cache = new CalibrationCache([new("input", 1f / 127), new("conv1:0", 0.5f)], null);
        Assert.Equal("TRT-8601-EntropyCalibration2\nconv1:0: 3f000000\ninput: 3c010204\n", cache.ToString());
    }

    [Theory]
    [InlineData("TRT-8501-EntropyCalibration2\ninput: 3c010204\n(Unnamed Layer* 3) [Convolution]_output: 3f000000\nconv1:0: 3f800000\n")]
    [InlineData("TRT-8501-MinMaxCalibration\r\ninput: 3C010204\r\n(Unnamed Layer* 3) [Convolution]_output: 3f000000\r\n\r\nconv1:0:3f800000")]
    public void Caches_of_TensorRT_are_read(string text)
    {
        var scales = CalibrationCache.Parse(text, "cache").Scales;
        Assert.Equal(3, scales.Count);
        Assert.Equal(BitConverter.UInt32BitsToSingle(0x3c010204), scales["input"]);
        Assert.Equal(0.5f, scales["(Unnamed Layer* 3) [Convolution]_output"]);
        Assert.Equal(1f, scales["conv1:0"]);
    }

    [Theory]
    [InlineData("", "line 1: expected 'TRT-<version>-EntropyCalibration2', got ''")]
    [InlineData("hello\n", "line 1")]
    [InlineData("TRT-8501-EntropyCalibration2\na: 3f000000\nb 3f000000\n", "line 3: expected 'tensor: XXXXXXXX'")]
    [InlineData("TRT-8501-EntropyCalibration2\na: 3f0000\n", "line 2: expected 8 hexadecimal digits")]
    [InlineData("TRT-8501-EntropyCalibration2\na: 3f00zz00\n", "line 2: expected 8 hexadecimal digits")]
    [InlineData("TRT-8501-EntropyCalibration2\na: 7fc00000\n", "line 2: '7fc00000' is the float NaN")]
    [InlineData("TRT-8501-EntropyCalibration2\na: bf000000\n", "line 2: 'bf000000' is the float -0.5")]
    [InlineData("TRT-8501-EntropyCalibration2\na: 00000000\n", "a scale is a positive number")]
    [InlineData("TRT-8501-EntropyCalibration2\na: 3f000000\na: 3f000000\n", "line 3: tensor 'a' has a scale already")]
    [InlineData("TRT-8501-EntropyCalibration2\n: 3f000000\n", "line 2: expected 'tensor: XXXXXXXX'")]
    public void A_malformed_cache_is_refused_with_the_line(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<PithException>(() => CalibrationCache.Parse(text, "cache")).Message);

    [Fact]
    public void Random_bytes_are_refused_or_read_but_never_crash()
    {
        var random = new Random(1);
        var valid = new CalibrationCache([new("input", 0.25f), new("conv1:0", 0.5f)], null).ToString();
        for (var trial = 0; trial < 2000; trial++)
        {
            var text = valid.ToCharArray();
            for (var edits = random.Next(1, 4); edits > 0; edits--) text[random.Next(text.Length)] = (char)random.Next(0, 128);
            try
            {
                CalibrationCache.Parse(new string(text), "cache");
            }
            catch (PithException refused)
            {
                Assert.Contains("cache, line", refused.Message);
            }
        }
    }

    [Fact]
    public void A_file_round_trips_with_its_sidecar_and_a_stale_one_is_refused()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "model.calib");
        new CalibrationCache([new("a b:0", 0.1f), new("c", 3e-9f)], s_origin).Write(path);
        var back = CalibrationCache.Read(path);
        Assert.Equal([new("a b:0", 0.1f), new("c", 3e-9f)], back.Scales);
        Assert.Equal(s_origin, back.Origin);
        back.RequireMadeFor("abc123");
        Assert.Contains("stale", Assert.Throws<PithException>(() => back.RequireMadeFor("other")).Message);
        Assert.Equal(2, Directory.GetFiles(folder.Path).Length);
    }

    [Fact]
    public void A_cache_without_sidecar_fits_every_model()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "model.calib");
        new CalibrationCache([new("a", 1)], s_origin).Write(path);
        new CalibrationCache([new("a", 2)], null).Write(path);
        var back = CalibrationCache.Read(path);
        Assert.Null(back.Origin);
        back.RequireMadeFor("other");
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"model_hash\": null, \"calibrator\": \"mse\", \"samples\": 1}")]
    [InlineData("{\"model_hash\": 7, \"calibrator\": \"mse\", \"samples\": \"many\"}")]
    public void A_damaged_sidecar_is_refused(string json)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "model.calib");
        new CalibrationCache([new("a", 1)], null).Write(path);
        File.WriteAllText(path + CalibrationCacheOrigin.FileSuffix, json);
        Assert.Contains("sidecar", Assert.Throws<PithException>(() => CalibrationCache.Read(path)).Message);
    }

    [Fact]
    public void A_missing_cache_is_an_error_for_people() =>
        Assert.Contains("nowhere.calib", Assert.Throws<PithException>(() => CalibrationCache.Read("nowhere.calib")).Message);

    [Fact]
    public void Impossible_entries_are_refused()
    {
        Assert.Throws<PithException>(() => new CalibrationCache([new("a", 0)], null));
        Assert.Throws<PithException>(() => new CalibrationCache([new("a\nb", 1)], null));
    }
}
