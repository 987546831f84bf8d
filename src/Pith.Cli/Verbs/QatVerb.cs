namespace Pith.Cli.Verbs;

/// <summary><c>pith qat</c>: quantization-aware training to Q/DQ ONNX.</summary>
internal sealed class QatVerb : TrainingVerb
{
    public override string Summary => "Calibrates, trains through fake quantization, and writes Q/DQ ONNX; 2:4 masks are kept.";

    public override IReadOnlyList<string> Examples => ["pith qat tuned.onnx --data cifar10:folder?split=train -o net-int8.onnx", "pith qat sparse.onnx --data imagefolder:train --epochs 3 --lr 0.001 --teacher dense.onnx --calibrator percentile", "pith qat tuned.onnx --data cifar10:folder?split=train --target onnxruntime -o net-ort.onnx", "mpirun -n 4 pith qat tuned.onnx --data imagefolder:train --batch 256 -o net-int8.onnx"];

    protected override string Kind => "qat";

    protected override string Suffix => "-qat.onnx";

    protected override IReadOnlyList<SettingOption> OwnSettings { get; } = 
    [
        .. QuantizationOptionsOfVerbs.All(),
        SettingOption.Text("--scales", "scales", "frozen: scales stay as calibrated (default); learned: they are trained with the weights (LSQ).", "mode"),
        .. TrainingOptionsOfVerbs.All(),
    ];
}
