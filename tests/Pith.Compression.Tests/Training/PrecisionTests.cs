using Pith.Compression.Data;
using Pith.Compression.Distribution;
using Pith.Compression.Tests.Distribution;
using Pith.Kernels;

namespace Pith.Compression.Tests.Training;

/// <summary>Which precision a run trains in, and that it stays in it.</summary>
public class PrecisionTests
{
    private static readonly TrainingSettings s_settings = Toy.Settings with { Precision = TrainingPrecision.Bf16, Validation = ValidationMode.KeepBest };

    [Fact]
    public void Auto_is_bf16_where_the_cpu_has_it_and_is_faster_with_it()
    {
        var has = IsaLevel.Avx512Vnni;
        Assert.Equal(TrainingPrecision.Bf16, MixedPrecision.Resolve(TrainingPrecision.Auto, has, () => true));
        Assert.Equal(TrainingPrecision.Fp32, MixedPrecision.Resolve(TrainingPrecision.Auto, has, () => false));
        Assert.Equal(TrainingPrecision.Fp32, MixedPrecision.Resolve(TrainingPrecision.Auto, IsaLevel.Avx2, () => throw new InvalidOperationException("There is nothing to measure.")));
        Assert.Equal(TrainingPrecision.Bf16, MixedPrecision.Resolve(TrainingPrecision.Bf16, has, () => false));
        Assert.Equal(TrainingPrecision.Fp32, MixedPrecision.Resolve(TrainingPrecision.Fp32, has, () => true));
        Assert.Equal(MixedPrecision.Resolve(TrainingPrecision.Auto), MixedPrecision.Resolve(TrainingPrecision.Auto));
    }

    [Fact]
    public void A_cpu_without_the_instructions_is_told_what_it_lacks()
    {
        var message = Assert.Throws<PithException>(() => MixedPrecision.Resolve(TrainingPrecision.Bf16, IsaLevel.Avx2, () => true)).Message;
        Assert.Contains("'precision' is bf16, which needs AVX-512, AVX512-BF16", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rounded_operands_train_as_well_as_floats_with_the_same_bits_on_any_number_of_threads()
    {
        RequireBf16();
        var fp32 = Run(s_settings with { Precision = TrainingPrecision.Fp32 });
        var (one, three) = (Run(s_settings, threads: 1), Run(s_settings, threads: 3));
        Assert.Equal((TrainingPrecision.Fp32, TrainingPrecision.Bf16), (fp32.Summary.Precision, one.Summary.Precision));
        Assert.Equal(Toy.AllConstants(one.Model), Toy.AllConstants(three.Model));
        Assert.NotEqual(Toy.AllConstants(fp32.Model), Toy.AllConstants(one.Model));
        Assert.InRange(one.Summary.Loss, 0.8 * fp32.Summary.Loss, 1.2 * fp32.Summary.Loss);
        Assert.True(one.Summary.ValidationTop1 >= fp32.Summary.ValidationTop1 - 0.05, $"bf16 {one.Summary.ValidationTop1}, fp32 {fp32.Summary.ValidationTop1}");
    }

    [Fact]
    public void A_resumed_run_keeps_the_precision_that_it_was_started_with()
    {
        RequireBf16();
        foreach (var first in (TrainingPrecision[])[TrainingPrecision.Bf16, TrainingPrecision.Fp32])
        {
            using var folder = new TemporaryFolder();
            var (path, other) = (folder.File("run.checkpoint"), first == TrainingPrecision.Bf16 ? "fp32" : "bf16");
            Stop(s_settings with { Precision = first }, path);
            Assert.Equal(first, Checkpoint.Read(path).State.Precision);
            var asked = s_settings with { Precision = first == TrainingPrecision.Bf16 ? TrainingPrecision.Fp32 : TrainingPrecision.Bf16 };
            var refusal = Assert.Throws<PithException>(() => Run(asked, path)).Message;
            Assert.Contains($"was trained with 'precision' {MixedPrecision.NameOf(first)}, now it is {other}", refusal, StringComparison.Ordinal);
            // Without a wish it goes on as it was.
            var resumed = Run(s_settings with { Precision = TrainingPrecision.Auto }, path);
            Assert.Equal(first, resumed.Summary.Precision);
            Assert.Equal(Toy.AllConstants(Run(s_settings with { Precision = first }).Model), Toy.AllConstants(resumed.Model));
        }
    }

    [Fact]
    public void A_checkpoint_from_before_there_was_a_choice_goes_on_in_fp32()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("run.checkpoint");
        Stop(s_settings with { Precision = TrainingPrecision.Fp32 }, path);
        var saved = Checkpoint.Read(path);
        new Checkpoint { Key = saved.Key, State = saved.State with { Precision = null }, Tensors = saved.Tensors, Masks = saved.Masks }.Write(path);
        Assert.Equal(TrainingPrecision.Fp32, Run(s_settings with { Precision = TrainingPrecision.Auto }, path).Summary.Precision);
    }

    [Fact]
    public void Ranks_train_in_one_precision()
    {
        RequireBf16();
        var together = ThreadGroup.Run(2, group => TrainingLoop.Run(Toy.Network(), Toy.Data, s_settings with { Precision = TrainingPrecision.Auto }, new TrainingOptions { Threads = 1, Group = group }));
        Assert.Equal(together[0].Summary.Precision, together[1].Summary.Precision);
        Assert.Equal(Toy.AllConstants(together[0].Model), Toy.AllConstants(together[1].Model));
        var message = Assert.Throws<PithException>(() => ThreadGroup.Run(2, group => TrainingLoop.Run(Toy.Network(), Toy.Data, s_settings with { Precision = group.IsFirst ? TrainingPrecision.Bf16 : TrainingPrecision.Fp32 }, new TrainingOptions { Threads = 1, Group = group }))).Message;
        Assert.Contains("training settings", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_name_of_a_precision_is_that_of_settings()
    {
        foreach (var precision in Enum.GetValues<TrainingPrecision>())
            Assert.Contains($"\"precision\": \"{MixedPrecision.NameOf(precision)}\"", new TrainStep(Toy.Settings with { Precision = precision }).ToJson().ToJsonString(new() { WriteIndented = true }), StringComparison.Ordinal);
    }

    private static void RequireBf16()
    {
        if (!Isa.Current.Include(CpuFeatures.Avx512Bf16)) Assert.Skip("This CPU has no AVX512-BF16.");
    }

    private static TrainingResult Run(TrainingSettings settings, string? checkpoint = null, int threads = 2) =>
        TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions { Threads = threads, CheckpointPath = checkpoint, CheckpointKey = "k" });

    private static void Stop(TrainingSettings settings, string checkpoint)
    {
        using var stop = new CancellationTokenSource();
        var watch = new Recorder(e => { if (e is TrainingProgress progress && progress.Done == 9 * 32) stop.Cancel(); });
        Assert.Throws<OperationCanceledException>(() => TrainingLoop.Run(Toy.Network(), Toy.Data, settings, new TrainingOptions { CheckpointPath = checkpoint, CheckpointKey = "k", Events = watch, Cancellation = stop.Token }));
    }
}
