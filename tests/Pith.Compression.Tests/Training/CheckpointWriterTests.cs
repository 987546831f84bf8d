namespace Pith.Compression.Tests.Training;

public class CheckpointWriterTests
{
    [Fact]
    public void The_last_checkpoint_is_on_disk_when_writing_is_finished()
    {
        using var folder = new TemporaryFolder();
        using var writer = new CheckpointWriter(folder.File("c"));
        for (var step = 1; step <= 5; step++) writer.Start(At(step));
        writer.Finish();
        Assert.False(writer.IsBusy);
        Assert.Equal(5, Checkpoint.Read(folder.File("c")).State.Step);
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_checkpoint_that_cannot_be_written_is_an_error_at_the_next_one()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("c"));
        var writer = new CheckpointWriter(folder.File("c"));
        writer.Start(At(1));
        Assert.Contains("Cannot write", Assert.Throws<PithException>(() => writer.Start(At(2))).Message);
        writer.Start(At(3));
        writer.Dispose();
    }

    [Fact]
    public void What_a_killed_run_was_writing_is_removed_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        string[] others = ["c", "c.tmp", "c.notes.tmp", "cc.0123456789abcdef0123456789abcdef.tmp", "c.0123456789abcdef0123456789abcdef"];
        foreach (var name in others.Append("c.0123456789abcdef0123456789abcdef.tmp")) File.WriteAllText(folder.File(name), "");
        using var writer = new CheckpointWriter(folder.File("c"));
        Assert.Equal(others.Order(StringComparer.Ordinal), Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    private static Checkpoint At(long step) =>
        new() { Key = "k", State = new TrainingState { Step = step }, Tensors = new Dictionary<string, float[]> { ["now/w"] = new float[1000] }, Masks = new Dictionary<string, Mask24>() };
}
