namespace Pith.Compression.Tests.Training;

public class CheckpointTests
{
    [Fact]
    public void A_checkpoint_comes_back_as_it_was_written()
    {
        using var folder = new TemporaryFolder();
        var written = Sample();
        written.Write(folder.File("c"));
        var read = Checkpoint.Read(folder.File("c"));
        Assert.Equal(written.Key, read.Key);
        Assert.Equal(written.State, read.State);
        Assert.Equal(written.Tensors, read.Tensors);
        Assert.Equal(written.Masks, read.Masks);
    }

    [Fact]
    public void A_cut_or_changed_file_is_refused_with_what_to_do()
    {
        using var folder = new TemporaryFolder();
        Sample().Write(folder.File("c"));
        var bytes = File.ReadAllBytes(folder.File("c"));
        for (var length = 0; length < bytes.Length; length += 13) Refused(bytes[..length]);
        for (var at = 0; at < bytes.Length; at += 7)
        {
            var changed = bytes.ToArray();
            changed[at] ^= 0x40;
            Refused(changed);
        }

        void Refused(byte[] content)
        {
            File.WriteAllBytes(folder.File("bad"), content);
            Assert.Contains("Delete it", Assert.Throws<PithException>(() => Checkpoint.Read(folder.File("bad"))).Message);
        }
    }

    [Theory]
    [InlineData("""{"key":"k","state":{},"entries":[{"name":"a","kind":"f32","bytes":1000000000000}]}""")]
    [InlineData("""{"key":"k","state":{},"entries":[{"name":"a","kind":"f32","bytes":-4}]}""")]
    [InlineData("""{"key":"k","state":{},"entries":[{"name":"a","kind":"f32","bytes":4},{"name":"a","kind":"f32","bytes":4}]}""")]
    [InlineData("""{"key":"k","state":{},"entries":[{"name":"a","kind":"mask24","bytes":8}]}""")]
    [InlineData("""{"key":"k","state":{},"entries":[{"name":"a","kind":"code","bytes":8}]}""")]
    [InlineData("""{"key":"k","state":{},"entries":[null]}""")]
    [InlineData("""{"key":"k","state":{},"entries":[]}""")]
    [InlineData("""{"key":"k"}""")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{")]
    public void A_file_made_up_to_harm_is_refused_even_when_its_checksum_is_right(string header)
    {
        using var folder = new TemporaryFolder();
        var text = System.Text.Encoding.UTF8.GetBytes(header);
        byte[] body = [.. "PITHCKPT"u8, 1, 0, 0, 0, .. BitConverter.GetBytes(text.Length), .. text, .. new byte[8]];
        File.WriteAllBytes(folder.File("bad"), [.. body, .. System.Security.Cryptography.SHA256.HashData(body)]);
        Assert.Throws<PithException>(() => Checkpoint.Read(folder.File("bad")));
    }

    private static Checkpoint Sample() => new()
    {
        Key = "settings",
        State = new TrainingState { Epoch = 3, BatchesDone = 2, Step = 101, LossSum = 0.1 + 0.2, Correct = 17, Images = 64, BestTop1 = 0.75, BestEpoch = 2, LastLoss = 1 / 3.0 },
        Tensors = new Dictionary<string, float[]> { ["now/w"] = [1, -0f, float.NaN, 3e-45f], ["best/w"] = [] },
        Masks = new Dictionary<string, Mask24> { ["w"] = Mask24.ByMagnitude([1, 2, 3, 4, 4, 3, 2, 1], new ReductionLayout(1, 8, 1)) },
    };
}
